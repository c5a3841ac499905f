"""What a request was refused for: told as JSON, with the place and what to do."""

from __future__ import annotations

from fasttext_lite.errors import bounded


class Refused(Exception):  # noqa: N818 what becomes of a request, as it is told
    """Raised where a request cannot be answered; what it says is sent as JSON.

    Parameters
    ----------
    status : int
        Of HTTP.
    what : str
        What is wrong.
    where : str
        The place in the request, as ``texts[3]``.
    do : str
        What to do about it.
    headers : dict of str to str, optional
        More headers of the answer.
    """

    def __init__(
        self,
        status: int,
        what: str,
        where: str = "",
        do: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(what)
        self.status, self.what, self.where, self.do = status, bounded(what), where, do
        self.headers = headers or {}

    def to_dict(self) -> dict[str, dict[str, object]]:
        """Return what is sent, without what is empty."""
        found = {"status": self.status, "what": self.what, "where": self.where, "do": self.do}
        return {"error": {name: value for name, value in found.items() if value}}


def busy(what: str, seconds: int = 1) -> Refused:
    """Return the refusal of one request too many, which may come again after some seconds."""
    return Refused(503, what, do="try again later", headers={"Retry-After": str(seconds)})
