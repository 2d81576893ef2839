"""Encrypt a workbook with a password, the way Excel does (MS-OFFCRYPTO, agile: AES-256, SHA-512).

The package goes in at one end and its ciphertext straight to the file at the other, segment by
segment: nothing of it is on disk in clear, and a workbook of any length takes the same memory.
"""

import hashlib
import hmac
import os
import struct
from base64 import b64encode
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from cardctl.vault.secret import Secret
from cardctl.workbooks.container import PACKAGE_START, finish_container

PASSWORD_MAX = 255
"""Excel's own limit of characters."""

SPINS = 100_000
"""As often as Excel hashes a password: people choose short ones. The format allows 0 to 10^7."""

_SEGMENT = 4_096
_BLOCK = 16
_KEY_LENGTH = 32
_READ = 1 << 20

# What each derived key is for; fixed by the format.
_FOR_VERIFIER = bytes.fromhex("FEA7D2763B4B9E79")
_FOR_VERIFIER_HASH = bytes.fromhex("D7AA0F6D3061344E")
_FOR_KEY = bytes.fromhex("146E0BE7ABACD0D6")
_FOR_HMAC_KEY = bytes.fromhex("5FB2AD010CB9E1F6")
_FOR_HMAC = bytes.fromhex("A0677F02B22C8433")

_INFO = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
    '<encryption xmlns="http://schemas.microsoft.com/office/2006/encryption"'
    ' xmlns:p="http://schemas.microsoft.com/office/2006/keyEncryptor/password"'
    ' xmlns:c="http://schemas.microsoft.com/office/2006/keyEncryptor/certificate">'
    '<keyData saltSize="16" blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES"'
    ' cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512" saltValue="{key_salt}"/>'
    '<dataIntegrity encryptedHmacKey="{hmac_key}" encryptedHmacValue="{hmac}"/>'
    '<keyEncryptors><keyEncryptor uri="http://schemas.microsoft.com/office/2006/keyEncryptor/password">'
    '<p:encryptedKey spinCount="{spins}" saltSize="16" blockSize="16" keyBits="256" hashSize="64"'
    ' cipherAlgorithm="AES" cipherChaining="ChainingModeCBC" hashAlgorithm="SHA512"'
    ' saltValue="{salt}" encryptedVerifierHashInput="{verifier}"'
    ' encryptedVerifierHashValue="{verifier_hash}" encryptedKeyValue="{key}"/>'
    "</keyEncryptor></keyEncryptors></encryption>"
)


@dataclass(frozen=True, slots=True, repr=False)
class StretchedPassword:
    """A password made slow to try; it opens any number of packages."""

    salt: bytes
    spins: int
    spun: bytes


def stretch(password: Secret, *, spins: int = SPINS) -> StretchedPassword:
    """Hash a password so often: 0.1 s and more for one that a person chose."""
    salt = os.urandom(_BLOCK)
    digest = hashlib.sha512(salt + password.reveal().encode("utf-16-le")).digest()
    for number in range(spins):
        digest = hashlib.sha512(struct.pack("<I", number) + digest).digest()
    return StretchedPassword(salt, spins, digest)


class ProtectedPackage:
    """A stream that takes a package and writes it, encrypted, into a compound file.

    It can only be written to; `finish` makes the file whole.
    """

    def __init__(self, stream: BinaryIO, password: StretchedPassword) -> None:
        """Write to a new file, which can be read and sought in; it is not closed here."""
        self._stream = stream
        self._password = password
        self._key = os.urandom(_KEY_LENGTH)
        self._salt = os.urandom(_BLOCK)
        self._waiting = bytearray()
        self._segments = 0
        self._size = 0
        stream.seek(PACKAGE_START)
        # How long the package is, which is known at its end.
        stream.write(bytes(8))

    def write(self, octets: bytes) -> int:
        """Take a part of the package."""
        self._waiting += octets
        whole = len(self._waiting) - len(self._waiting) % _SEGMENT
        for start in range(0, whole, _SEGMENT):
            self._put(bytes(self._waiting[start : start + _SEGMENT]))
        del self._waiting[:whole]
        return len(octets)

    def flush(self) -> None:
        """Nothing: a segment is written when it is whole."""

    def finish(self) -> None:
        """Write the last segment, the proof that all is whole, and the container around it."""
        if self._waiting:
            self._put(bytes(self._waiting))
        end = self._stream.tell()
        self._stream.seek(PACKAGE_START)
        self._stream.write(struct.pack("<Q", self._size))
        proof_key = os.urandom(hashlib.sha512().digest_size)
        info = self._info(proof_key, self._proof(proof_key))
        finish_container(self._stream, size=end - PACKAGE_START, info=info)

    def _put(self, segment: bytes) -> None:
        self._size += len(segment)
        iv = _iv(self._salt + struct.pack("<I", self._segments))
        self._segments += 1
        self._stream.write(_encrypt(self._key, iv, segment + bytes(-len(segment) % _BLOCK)))

    def _proof(self, proof_key: bytes) -> bytes:
        """The HMAC over the encrypted package: read back, as its length stands before it."""
        self._stream.seek(PACKAGE_START)
        proof = hmac.new(proof_key, digestmod=hashlib.sha512)
        while octets := self._stream.read(_READ):
            proof.update(octets)
        return proof.digest()

    def _info(self, proof_key: bytes, proof: bytes) -> bytes:
        verifier = os.urandom(_BLOCK)
        values = {
            "key_salt": self._salt,
            "hmac_key": _encrypt(self._key, _iv(self._salt + _FOR_HMAC_KEY), proof_key),
            "hmac": _encrypt(self._key, _iv(self._salt + _FOR_HMAC), proof),
            "salt": self._password.salt,
            "verifier": self._sealed(_FOR_VERIFIER, verifier),
            "verifier_hash": self._sealed(_FOR_VERIFIER_HASH, hashlib.sha512(verifier).digest()),
            "key": self._sealed(_FOR_KEY, self._key),
        }
        encoded = {name: b64encode(value).decode() for name, value in values.items()}
        info = _INFO.format(spins=self._password.spins, **encoded)
        return struct.pack("<HHI", 4, 4, 0x40) + info.encode()

    def _sealed(self, purpose: bytes, octets: bytes) -> bytes:
        """Encrypted with what the password gives for a purpose.

        One password's packages share its salt, which is the IV here: what is sealed is random, so
        that equal beginnings tell nothing.
        """
        password = self._password
        key = hashlib.sha512(password.spun + purpose).digest()[:_KEY_LENGTH]
        return _encrypt(key, password.salt, octets)


def _iv(octets: bytes) -> bytes:
    return hashlib.sha512(octets).digest()[:_BLOCK]


def _encrypt(key: bytes, iv: bytes, octets: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(octets) + encryptor.finalize()
