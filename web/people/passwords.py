"""Passwords: what is refused, and how they are kept (argon2id).

Nothing here is fast: callers run it in a thread. ``NORMAL`` costs about 25 ms of one core and
19 MiB, which is the smallest setting OWASP names for argon2id; a stored hash carries its own
parameters, so raising them later rehashes people as they log in.

Source  OWASP Password Storage Cheat Sheet (m = 19 MiB, t = 2, p = 1). NIST SP 800-63B section
        5.1.1.2: length counts, composition rules do not, the commonest are refused.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from web.people.errors import PasswordRefused

CHARACTERS_MIN = 8
CHARACTERS_MAX = 128

# The commonest of at least eight characters in published lists of leaked passwords.
COMMONEST_WORDS = """
    00000000 11111111 111111111 1111111111 11223344 12121212 123123123 12341234 12344321
    12345678 123456789 1234567890 1234567891 12345678910 123456abc 1234qwer 123qweasd 147258369
    1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qazxsw2 20102010 22222222 55555555 66666666 77777777 87654321
    88888888 987654321 9876543210 99999999 a1234567 a12345678 aa123456 abcd1234 abcdefgh abc12345
    abc123456 administrator anthony1 asdfasdf asdfghjk asdfghjkl babygirl baseball basketball
    blink182 butterfly chocolate computer corvette dragon123 football football1 iloveyou
    iloveyou1 iloveyou2 jennifer jordan23 letmein1 liverpool liverpool1 manchester metallica
    michelle midnight monkey123 mustang1 ovation1 ovation123 pass1234 passw0rd password password!
    password1 password12 password123 password1234 princess princess1 q1w2e3r4 q1w2e3r4t5 qazwsxedc
    qwer1234 qwerty12 qwerty123 qwerty1234 qwertyui qwertyuiop samantha spiderman starwars
    steelers sunshine sunshine1 superman superman1 target123 test1234 testtest trustno1 victoria
    welcome1 welcome123 whatever william1 zaq12wsx zxcvbnm1 zxcvbnm123
"""
COMMONEST = frozenset(COMMONEST_WORDS.split())


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash takes.

    Attributes:
        passes: Times the memory is gone over.
        memory_kib: Memory filled.
    """

    passes: int
    memory_kib: int


NORMAL = Cost(passes=2, memory_kib=19 * 1024)
CHEAP = Cost(passes=1, memory_kib=8)  # for tests of anything but the hashing itself


def check_password(password: str, handle: str) -> None:
    """Let pass a password that is not among the first anybody would try.

    Raises:
        PasswordRefused: Says why.
    """
    if len(password) < CHARACTERS_MIN:
        raise PasswordRefused(f"A password has at least {CHARACTERS_MIN} characters.")
    if len(password) > CHARACTERS_MAX:
        raise PasswordRefused(f"A password has at most {CHARACTERS_MAX} characters.")
    folded = password.casefold()
    if folded in COMMONEST or len(set(folded)) == 1:
        raise PasswordRefused("This is one of the commonest passwords.")
    if folded in (handle, handle * 2, handle[::-1]):
        raise PasswordRefused("The password must not be your handle.")


def hash_password(password: str, cost: Cost = NORMAL) -> str:
    """Return what is stored of ``password``."""
    return _hasher(cost).hash(_same_on_every_keyboard(password))


def verify(stored: str | None, password: str, cost: Cost = NORMAL) -> bool:
    """Say whether ``stored`` was made of ``password``.

    None (nobody there) takes as long as a wrong password, so that the time tells nothing.
    """
    try:
        right = _hasher(cost).verify(
            stored or _hash_of_nobody(cost), _same_on_every_keyboard(password)
        )
    except (VerificationError, InvalidHashError):
        return False
    return right and stored is not None


def is_outdated(stored: str, cost: Cost = NORMAL) -> bool:
    """Say whether ``stored`` was made with other parameters than today's."""
    return _hasher(cost).check_needs_rehash(stored)


@lru_cache
def _hasher(cost: Cost) -> PasswordHasher:
    return PasswordHasher(cost.passes, cost.memory_kib, parallelism=1)


@lru_cache
def _hash_of_nobody(cost: Cost) -> str:
    return _hasher(cost).hash("nobody has this password")


def _same_on_every_keyboard(password: str) -> bytes:
    # NIST SP 800-63B 5.1.1.2: normalise, since devices send é as one or as two code points.
    # A lone surrogate cannot come out of a keyboard, but it can come out of JSON.
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
