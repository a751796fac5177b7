"""Hand a published folder to the Hugging Face hub, by its own library and with the user's own token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlrun.data.files.optional import import_optional
from dlrun.errors import ConfigError, Problem, StorageError
from dlrun.runs.publish.target import HUB
from dlrun.version import __version__
from dlrun.wording import first_line, plural, printable

_LOGIN = "Log in with `hf auth login`, or set HF_TOKEN to a token that may write."
_OWN = (".gitattributes", ".gitignore")  # what a hub makes with a repository


def upload(folder: Path, repository: str, *, public: bool = False) -> str:
    """Create a repository of a hub, private unless `public`, and upload a folder in one commit; return its address.

    Raises ConfigError if nobody is logged in or the repository has files already, StorageError if the hub cannot be
    reached or refuses.
    """
    where = f"--to {HUB}{repository}"
    hub = import_optional("huggingface_hub", extra="hub", needed_by=where)
    errors = import_optional("huggingface_hub.errors", extra="hub", needed_by=where)
    api = hub.HfApi(library_name="dlrun", library_version=__version__)
    try:
        api.create_repo(repository, repo_type="model", private=not public, exist_ok=True)
        taken = [name for name in api.list_repo_files(repository, repo_type="model") if name not in _OWN]
        if taken:
            what = (
                f"This repository has {plural(len(taken), 'file')} already, such as {printable(taken[0])}; nothing "
                "is replaced. Name another, or publish to a folder and upload that yourself: hf upload"
            )
            raise ConfigError(Problem(where, what))
        message = f"Published by dlrun {__version__}"
        api.upload_folder(repo_id=repository, repo_type="model", folder_path=str(folder), commit_message=message)
    except errors.LocalTokenNotFoundError as error:
        raise ConfigError(Problem(where, f"Nobody is logged in to the hub. {_LOGIN}")) from error
    except errors.HfHubHTTPError as error:
        raise _refused(where, error) from error
    except (OSError, errors.OfflineModeIsEnabled, *_connection_errors(errors)) as error:
        raise StorageError(f"{HUB}{repository}: the hub cannot be reached ({_text(error)}).") from error
    return f"{api.endpoint.rstrip('/')}/{repository}"


def _refused(where: str, error: Any) -> ConfigError | StorageError:
    """The error for what a hub answered."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 401:
        return ConfigError(Problem(where, f"The hub knows no such token, or none was given. {_LOGIN}"))
    if status == 403:
        what = f"Your token may not write there: check OWNER, and the token's rights. {_LOGIN}"
        return ConfigError(Problem(where, what))
    return StorageError(f"{where.removeprefix('--to ')}: the hub refused with status {status} ({_text(error)}).")


def _connection_errors(errors: Any) -> tuple[type[BaseException], ...]:
    """What the library's HTTP client, which depends on its version, raises if there is no connection."""
    return tuple(each for each in errors.HfHubHTTPError.__mro__ if each.__name__ == "HTTPError")


def _text(error: BaseException) -> str:
    return printable(first_line(error), limit=300)
