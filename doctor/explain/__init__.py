"""Why a token or an identity is admitted or not, in both directions, and the change that would admit it."""
