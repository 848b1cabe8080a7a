"""What a JPEG 2000 stream says of its colours.

Source: ITU-T T.800, annexes A (codestream) and I (JP2).
"""

from __future__ import annotations

import struct

_START = b"\xff\x4f\xff\x51"  # SOC, then SIZ
_SIZ, _COD, _SOT = 0xFF51, 0xFF52, 0xFF90
_SYCC = b"colr\x01\0\0\0\0\0\x12"  # enumerated colour space 18
_SIZ_COMPONENTS = 38  # bytes of SIZ before those of its components, with its length
_MCT = 6  # place of the multi-component transform in COD, with its length


def decodes_to_rgb(stream: bytes) -> bool:
    """Whether decoders make RGB of a stream's YCbCr, which it names or has at half resolution."""
    named = _SYCC in stream[: max(0, stream.find(_START))]
    siz = _segment(stream, _SIZ)
    steps = {siz[at + 1 : at + 3] for at in range(_SIZ_COMPONENTS, len(siz), 3)}
    return named or len(steps) > 1


def is_transformed(stream: bytes) -> bool:
    """Whether a stream turns its components into others, as is useful for RGB alone."""
    cod = _segment(stream, _COD)
    return len(cod) > _MCT and cod[_MCT] == 1


def _segment(stream: bytes, wanted: int) -> bytes:
    """The content of a marker in the main header, with its length; none where it is missing."""
    at = stream.find(_START)
    if at < 0:
        return b""
    at += 2
    while at + 4 <= len(stream):
        marker, length = struct.unpack_from(">HH", stream, at)
        if marker == wanted:
            return stream[at + 2 : at + 2 + length]
        if marker == _SOT or length < 2:
            break
        at += 2 + length
    return b""
