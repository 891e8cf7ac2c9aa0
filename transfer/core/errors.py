"""What can go wrong, grouped by what the caller should do next.

    TransferError
    ├── RefusedError               don't retry: change the request
    │   ├── InvalidRequestError    a value is malformed
    │   │   ├── InvalidNameError
    │   │   └── UnsupportedAlgorithmError
    │   ├── NotSignedInError
    │   │   ├── SessionOverError   sign in again, and go on
    │   │   └── LaunchRefusedError
    │   ├── SignInFailedError      at the identity provider: begin again
    │   ├── ForbiddenError
    │   │   └── CrossSiteError     another site may have sent it
    │   ├── CaseClosedError
    │   ├── HeldError              a hold keeps what is there
    │   ├── CaseElsewhereError     another region's gateway serves it
    │   │   └── LaunchElsewhereError   and follows the links to it
    │   ├── TooLargeError
    │   ├── LengthMismatchError    more bytes than announced, or another length than before
    │   ├── DigestMismatchError    the whole file is not what its sender said
    │   ├── DigestChangedError     another digest was promised for it before
    │   ├── AcknowledgementRequiredError   the warning comes first
    │   └── UnsupportedError
    ├── MissingError               it isn't there, or not for you
    │   ├── CaseMissingError
    │   │   └── CaseHiddenError    someone else's: told like one that isn't there, and noted
    │   ├── EntryMissingError      file or folder
    │   ├── UploadMissingError
    │   ├── UploadGoneError        it expired, was cancelled, or is a file by now
    │   ├── ReceiptMissingError    nothing was received yet
    │   ├── AccountMissingError
    │   ├── SessionMissingError
    │   └── TokenMissingError
    ├── ConflictError              read the state again, then retry
    │   ├── OffsetMismatchError
    │   ├── ChecksumMismatchError  the chunk was damaged on the way: send it again
    │   ├── NameTakenError
    │   ├── TooManyAccountsError   end one that isn't needed any more
    │   ├── FolderNotEmptyError
    │   ├── NotAFolderError
    │   ├── IsAFolderError
    │   ├── CaseStateError
    │   ├── ArchiveChangedError    the case holds other files than those of the bytes they have
    │   ├── AcknowledgementOutdatedError   the warning has another text by now
    │   └── WriterReplacedError    another request has taken over this upload
    └── UnavailableError           retry later, nothing acknowledged is lost
        ├── StoreUnavailableError
        │   └── KeyUnavailableError
        ├── RecordsUnavailableError
        ├── UploadBusyError
        ├── ProviderUnavailableError   the identity provider
        ├── CaseCoreUnavailableError
        │   └── CaseContradictionError   it answers, and what it says can't be so
        ├── TooManyAttemptsError   to sign in, and all of them failed
        └── ShuttingDownError

Each class has a `code`, the stable name of the problem that clients see; each door has one table
from these classes to its own codes. Messages say what to do, and carry ids, never names or secrets.
"""

from datetime import timedelta
from typing import ClassVar


class TransferError(Exception):
    """Base of every error that a caller may see."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str) -> None:
        """Keep `message`, a sentence for the person at the other end."""
        super().__init__(message)
        self.message = message


class RefusedError(TransferError):
    """The request can't succeed as it is."""

    code = "refused"


class InvalidRequestError(RefusedError):
    """A header, parameter or value is malformed."""

    code = "invalid-request"


class InvalidNameError(InvalidRequestError):
    """A file or folder name can't be stored."""

    code = "invalid-name"


class UnsupportedAlgorithmError(InvalidRequestError):
    """A checksum algorithm that isn't offered."""

    code = "unsupported-algorithm"


class NotSignedInError(RefusedError):
    """No credentials, or none that are still good."""

    code = "not-signed-in"


class SessionOverError(NotSignedInError):
    """A session that has expired or was ended. What was uploaded in it goes on in the next one."""

    code = "session-expired"


class LaunchRefusedError(NotSignedInError):
    """A launch link that opens nothing; it isn't told why."""

    code = "launch-refused"

    def __init__(self, reason: str) -> None:
        """Keep `reason`, for the audit log alone."""
        super().__init__(
            "This link can't be used: it may have been used before, have expired, or be meant for "
            "another service. Get a new one where you found it."
        )
        self.reason = reason


class SignInFailedError(RefusedError):
    """What came back from the identity provider signs nobody in; it isn't told why."""

    code = "sign-in-failed"


class ForbiddenError(RefusedError):
    """The caller may see it, but not do this to it."""

    code = "forbidden"


class CrossSiteError(ForbiddenError):
    """A browser may have sent it for a page that isn't ours."""

    code = "csrf"


class CaseClosedError(RefusedError):
    """The case is closed: it can be read, but takes nothing new."""

    code = "case-closed"


class HeldError(RefusedError):
    """A hold keeps the data of the case as it is: nothing of it is removed or replaced."""

    code = "case-held"


class CaseElsewhereError(RefusedError):
    """The case is served in another region, and nothing of it is kept here."""

    code = "case-elsewhere"

    def __init__(
        self,
        message: str,
        *,
        region: str | None = None,
        gateway: str | None = None,
        page: str | None = None,
    ) -> None:
        """Keep the region, the URL of its gateway, and that of the case's page there, if known."""
        super().__init__(message)
        self.region = region
        self.gateway = gateway
        self.page = page


class LaunchElsewhereError(CaseElsewhereError):
    """A launch link to a case, or for somebody, of another region; it wasn't used up here."""

    code = "launch-elsewhere"


class TooLargeError(RefusedError):
    """Beyond a size or quota that is enforced here."""

    code = "too-large"


class LengthMismatchError(RefusedError):
    """More bytes than announced, or another length than announced before."""

    code = "length-mismatch"


class DigestMismatchError(RefusedError):
    """The whole file's digest is not the one its sender gave."""

    code = "digest-mismatch"


class DigestChangedError(RefusedError):
    """A digest was promised for this upload before, and it was another one."""

    code = "digest-changed"


class AcknowledgementRequiredError(RefusedError):
    """The warning about sensitive data has to be acknowledged first."""

    code = "acknowledgement-required"

    def __init__(self, version: str) -> None:
        """Keep `version`, that of the text to acknowledge."""
        super().__init__(
            f"Read the warning about sensitive data and acknowledge its version {version} for this "
            "case, then upload."
        )
        self.version = version


class UnsupportedError(RefusedError):
    """Understood, and not offered."""

    code = "unsupported"


class MissingError(TransferError):
    """It does not exist, or the caller may not know that it does."""

    code = "not-found"


class CaseMissingError(MissingError):
    """No such case for this caller."""

    code = "case-not-found"


class CaseHiddenError(CaseMissingError):
    """The case is someone else's; whoever asked is told what is told of one that isn't there."""

    def __init__(self, case_number: str) -> None:
        """Keep the number, for the audit log."""
        super().__init__("No such case.")
        self.case_number = case_number


class EntryMissingError(MissingError):
    """No such file or folder."""

    code = "file-not-found"


class UploadMissingError(MissingError):
    """No such upload."""

    code = "upload-not-found"


class UploadGoneError(MissingError):
    """The upload existed, and is over."""

    code = "upload-gone"


class ReceiptMissingError(MissingError):
    """There is no receipt, as nothing was received."""

    code = "receipt-not-found"


class AccountMissingError(MissingError):
    """No such SFTP account."""

    code = "account-not-found"


class SessionMissingError(MissingError):
    """No such session."""

    code = "session-not-found"


class TokenMissingError(MissingError):
    """No such token."""

    code = "token-not-found"


class ConflictError(TransferError):
    """The state is not what the caller believes."""

    code = "conflict"


class OffsetMismatchError(ConflictError):
    """The bytes don't begin where the upload stands."""

    code = "offset-mismatch"

    def __init__(self, offset: int) -> None:
        """Keep `offset`, in bytes: where the upload stands."""
        super().__init__(f"The upload stands at byte {offset}: continue from there.")
        self.offset = offset


class ChecksumMismatchError(ConflictError):
    """A chunk was damaged on its way; none of it was kept."""

    code = "checksum-mismatch"


class NameTakenError(ConflictError):
    """Something of that name is already there."""

    code = "name-taken"


class TooManyAccountsError(ConflictError):
    """A case has as many SFTP accounts at once as it may."""

    code = "too-many-accounts"

    def __init__(self, most: int) -> None:
        """Keep `most`, how many there may be."""
        super().__init__(f"A case has at most {most} SFTP accounts at once: end one, then retry.")
        self.most = most


class FolderNotEmptyError(ConflictError):
    """The folder still holds something."""

    code = "folder-not-empty"


class NotAFolderError(ConflictError):
    """A folder was needed, a file is there."""

    code = "not-a-folder"


class IsAFolderError(ConflictError):
    """A file was needed, a folder is there."""

    code = "is-a-folder"


class CaseStateError(ConflictError):
    """The case can't go from its present status to that one."""

    code = "case-state"


class AcknowledgementOutdatedError(ConflictError):
    """The warning has another text by now than the one that was acknowledged."""

    code = "acknowledgement-outdated"


class ArchiveChangedError(ConflictError):
    """Other files make up the archive than when its first bytes were sent."""

    code = "archive-changed"


class WriterReplacedError(ConflictError):
    """Another request has taken over this upload; nothing more is written by this one."""

    code = "writer-replaced"


class UnavailableError(TransferError):
    """Something is away for now. Nothing acknowledged is lost."""

    code = "unavailable"


class StoreUnavailableError(UnavailableError):
    """The object store doesn't answer, or answers with an error."""

    code = "store-unavailable"


class KeyUnavailableError(StoreUnavailableError):
    """The master key can't be asked: it tells nothing of what is stored."""

    code = "key-unavailable"


class RecordsUnavailableError(UnavailableError):
    """The database doesn't answer."""

    code = "records-unavailable"


class UploadBusyError(UnavailableError):
    """Another request holds this upload and hasn't let go yet."""

    code = "upload-busy"


class ProviderUnavailableError(UnavailableError):
    """The identity provider doesn't answer, or not as one does."""

    code = "identity-provider-unavailable"


class CaseCoreUnavailableError(UnavailableError):
    """The case core doesn't answer, or answers with an error."""

    code = "case-core-unavailable"

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        """Keep `retry_after`, how long it asked to be left alone, if it did."""
        super().__init__(message)
        self.retry_after = retry_after


class CaseContradictionError(CaseCoreUnavailableError):
    """The case core answers, and what it says can't be so: nothing follows from it."""

    code = "case-core-contradicts"


class TooManyAttemptsError(UnavailableError):
    """Too many failed attempts to sign in from where this one comes from."""

    code = "too-many-attempts"

    def __init__(self, wait_seconds: int) -> None:
        """Keep `wait_seconds`, after how long another attempt is looked at as usual."""
        super().__init__(
            f"Too many attempts to sign in have failed: try again in {wait_seconds} seconds."
        )
        self.wait_seconds = wait_seconds


class ShuttingDownError(UnavailableError):
    """This process takes no new work."""

    code = "shutting-down"
