"""From the errors of the core to the status codes of SFTP version 3; nothing leaks beyond them.

Version 3 knows eight codes. The message that comes with one is what a client shows its user.
"""

from collections.abc import Callable, Mapping

from asyncssh import SFTPError, SFTPFailure, SFTPNoSuchFile, SFTPOpUnsupported, SFTPPermissionDenied

from transfer.core import errors
from transfer.core.errors import TransferError

STATUS: Mapping[type[TransferError], Callable[[str], SFTPError]] = {
    TransferError: SFTPFailure,
    errors.RefusedError: SFTPFailure,
    errors.InvalidRequestError: SFTPFailure,
    errors.InvalidNameError: SFTPFailure,
    errors.UnsupportedAlgorithmError: SFTPOpUnsupported,
    errors.NotSignedInError: SFTPPermissionDenied,
    errors.SessionOverError: SFTPPermissionDenied,
    errors.LaunchRefusedError: SFTPPermissionDenied,
    errors.SignInFailedError: SFTPPermissionDenied,
    errors.ForbiddenError: SFTPPermissionDenied,
    errors.CrossSiteError: SFTPPermissionDenied,
    errors.CaseClosedError: SFTPPermissionDenied,
    errors.HeldError: SFTPPermissionDenied,
    errors.CaseElsewhereError: SFTPPermissionDenied,
    errors.LaunchElsewhereError: SFTPPermissionDenied,
    errors.TooLargeError: SFTPFailure,
    errors.LengthMismatchError: SFTPFailure,
    errors.DigestMismatchError: SFTPFailure,
    errors.DigestChangedError: SFTPFailure,
    errors.AcknowledgementRequiredError: SFTPPermissionDenied,
    errors.UnsupportedError: SFTPOpUnsupported,
    errors.MissingError: SFTPNoSuchFile,
    errors.CaseMissingError: SFTPNoSuchFile,
    errors.CaseHiddenError: SFTPNoSuchFile,
    errors.EntryMissingError: SFTPNoSuchFile,
    errors.UploadMissingError: SFTPNoSuchFile,
    errors.UploadGoneError: SFTPFailure,  # it was opened, so its name did exist
    errors.ReceiptMissingError: SFTPNoSuchFile,
    errors.AccountMissingError: SFTPNoSuchFile,
    errors.SessionMissingError: SFTPNoSuchFile,
    errors.TokenMissingError: SFTPNoSuchFile,
    errors.ConflictError: SFTPFailure,
    errors.OffsetMismatchError: SFTPFailure,
    errors.ChecksumMismatchError: SFTPFailure,
    errors.NameTakenError: SFTPFailure,
    errors.TooManyAccountsError: SFTPFailure,
    errors.FolderNotEmptyError: SFTPFailure,
    errors.NotAFolderError: SFTPNoSuchFile,  # what sshd answers to ENOTDIR
    errors.IsAFolderError: SFTPFailure,
    errors.CaseStateError: SFTPFailure,
    errors.ArchiveChangedError: SFTPFailure,
    errors.AcknowledgementOutdatedError: SFTPFailure,
    errors.WriterReplacedError: SFTPFailure,
    errors.UnavailableError: SFTPFailure,
    errors.StoreUnavailableError: SFTPFailure,
    errors.KeyUnavailableError: SFTPFailure,
    errors.RecordsUnavailableError: SFTPFailure,
    errors.UploadBusyError: SFTPFailure,
    errors.ProviderUnavailableError: SFTPFailure,
    errors.CaseCoreUnavailableError: SFTPFailure,
    errors.CaseContradictionError: SFTPFailure,
    errors.TooManyAttemptsError: SFTPPermissionDenied,
    errors.ShuttingDownError: SFTPFailure,
}
"""Every error of the core, and what it is to an SFTP client."""


def sftp_error(error: TransferError) -> SFTPError:
    """Return what a client is told of `error`; its message stays."""
    kind = next(kind for kind in type(error).__mro__ if kind in STATUS)
    return STATUS[kind](error.message)
