"""Where a writer puts bytes that don't count yet, when their memory is needed."""

from transfer.core.uploads import Tail, Upload, tail_key
from transfer.engine.buffers import PartBuffer
from transfer.engine.digest import crc64nvme
from transfer.engine.policy import Tools


class Aside:
    """An object in the store that no row names: the bytes of one buffer, until it is sent.

    `kept` is that object; None if nothing was put aside.
    """

    def __init__(self, upload: Upload, tools: Tools) -> None:
        self.kept: Tail | None = None
        self._upload = upload
        self._tools = tools

    async def keep(self, buffer: PartBuffer, *, end: int) -> None:
        """Put the bytes of `buffer` aside, which end at `end` in the file.

        Raises:
            StoreUnavailableError: what was put aside before is still there.
        """
        if self.kept is not None and self.kept.size == buffer.size:
            return
        upload = self._upload
        place = (upload.case_id, upload.id, upload.fence, end)
        key = tail_key(*place, keyed=self._tools.policy.keyed) + ".aside"
        view = buffer.view()
        await self._tools.store.put(key, view, crc64nvme=crc64nvme(view))
        await self.forget()
        self.kept = Tail(key=key, size=buffer.size)

    async def forget(self) -> None:
        """Delete what was put aside: it was sent, or is kept elsewhere."""
        if self.kept is not None:
            kept, self.kept = self.kept, None
            await self._tools.store.delete([kept.key])
