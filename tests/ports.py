"""Ports of 127.0.0.1 for those who listen later, or once more: until they are given back the kernel gives them to nobody else."""

import socket
import sys

_kept: dict[int, socket.socket] = {}


def free_port() -> int:
    """One at which nobody listens: whoever is told of it may, at any time and as often as they like."""
    keeper = socket.socket()
    # Bound, it is never picked for those who ask for any port; not listening, it refuses connections, and lets in who also says this.
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    port = int(keeper.getsockname()[1])
    if sys.platform == "linux":
        _kept[port] = keeper
    else:  # there nobody could listen beside it
        keeper.close()
    return port


def give_back(port: int) -> None:
    """It may be anybody's again."""
    if keeper := _kept.pop(port, None):
        keeper.close()
