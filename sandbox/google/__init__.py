"""An emulated Google Cloud, as far as federation with AWS touches it, on the real paths with the real errors.

    google = GoogleCloud(issuers, base_url="http://127.0.0.1:8080", aws_base_url="http://127.0.0.1:4566")
    app = create_app(google)                                # every API on one port
    pod = create_metadata_app(google, "default", "s3-reader", lambda: "sa@project.iam.gserviceaccount.com")

It deliberately leaves out what no part of federation asks for: service account keys, IAM conditions, SAML and X.509
providers, workforce pools, and everything that runs on a cluster.
"""

from sandbox.google.app import create_app
from sandbox.google.cloud import GoogleCloud
from sandbox.google.metadata import create_metadata_app

__all__ = ["GoogleCloud", "create_app", "create_metadata_app"]
