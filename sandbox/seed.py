"""The guide's world, as it is before the first `pulumi up`."""

from typing import Final

PROJECT_ID: Final = "mgr-product-sbx"
PROJECT_NUMBER: Final = "960144414359"
CLUSTER_NAME: Final = "mgr-main-sbx"
CLUSTER_LOCATION: Final = "europe-west1"
ACCOUNT_ID: Final = "211125558983"
REGION: Final = "eu-west-1"
BUCKETS: Final = ("baseline-tfstates-211125558983", "billing-export-211125558983", "gar-credential-provider-test")
OPERATOR: Final = "user:platform-engineer@example.com"
"""Who the sandbox's Google access token belongs to: the person at the keyboard, owner of the project."""
OPERATOR_SECRET_ACCESS_KEY: Final = "sandbox"
"""Goes with the access key id ACCOUNT_ID; MiniStack knows the pair as the account's root."""
