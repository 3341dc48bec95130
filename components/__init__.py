"""The cloud resources of the program, one component a file.

The only place that imports Pulumi's cloud SDKs; every rule and format comes from `federation`.

Type tokens are `gcpawswif:<gcp|aws|kubernetes|index>:<Name>`. The name leaves out what the module already says:
`GcpServiceAccount` is `gcpawswif:gcp:ServiceAccount`. A token is part of the URN of everything beneath it, so changing
one replaces identities; don't, without an alias.
"""
