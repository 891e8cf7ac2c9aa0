"""What an operator may set of the database and the store."""

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from transfer.settings.types import Bucket, DatabaseUrl, Url


class StorageSettings(BaseModel):
    """Where rows and objects are kept, and the key that seals secrets."""

    database_url: DatabaseUrl | None = Field(
        None, description="sqlite:////FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
    )
    s3_endpoint_url: Url | None = Field(
        None, description="the S3 store's URL; without one the embedded store is used"
    )
    s3_region: str = Field("us-east-1", min_length=1, description="the name of an S3 region")
    s3_bucket: Bucket = Field(
        "case-transfer", description="a bucket's name: 3 to 63 of a-z, 0-9, dot and hyphen"
    )
    s3_access_key: str | None = Field(None, description="the id of an S3 access key")
    s3_secret_key: SecretStr | None = Field(None, description="the secret of that access key")
    s3_ca_file: Path | None = Field(
        None, description="a PEM file with the certificates to trust for S3"
    )
    sealing_key_file: Path | None = Field(
        None, description="a file of 32 random bytes, the same on every node"
    )
