"""Network address policy for downloads: only public addresses, and those that an operator has allowed.

Otherwise a client that submits a URL could make CIRA read services inside its own network, such as a cloud's metadata
service (server-side request forgery, OWASP).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence

from cira_pipeline.errors import AddressRefused, ConfigurationError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

Resolver = Callable[[str, int], Sequence[str]]
"""Resolves host name and port to addresses as text. Raises `socket.gaierror`."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: a gateway forwards the packets to the IPv4 address in the last 32 bits."""

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""RFC 4291, 2.4: the only part of IPv6 that IANA assigns."""

_SPECIAL = tuple(
    ipaddress.ip_network(text)
    for text in (
        # Protocol assignments (Oracle Cloud's metadata service is 192.0.0.192), 6to4's relays, AS112 and AMT.
        *("192.0.0.0/24", "192.88.99.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24"),
        *("2001::/23", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
        # A cloud's own services, at globally routable addresses that answer inside that cloud only: Azure's WireServer,
        # Google's private.googleapis.com and restricted.googleapis.com, IBM's service network.
        *("168.63.129.16/32", "199.36.153.4/30", "199.36.153.8/30", "161.26.0.0/16", "166.8.0.0/14"),
        *("2600:2d00:2:1000::/56", "2600:2d00:2:2000::/56"),
    )
)
"""Special-purpose ranges that some Python versions treat as global, and clouds' internal services."""

_METADATA = frozenset(
    int(ipaddress.IPv4Address(text))
    for text in ("169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "192.0.0.192")
)
"""IPv4 addresses of clouds' metadata services: AWS and most others, AWS's containers, Azure, Alibaba, Oracle."""

_ISATAP = (0x00005EFE, 0x02005EFE)
"""RFC 5214, 6.1: bits 64 to 95 of an address whose last 32 bits are the IPv4 address its packets are sent to."""


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Addresses of a host name from the operating system's resolver."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet by IANA's special-purpose registries.

    Not public: private networks, this machine, link-local, carrier-grade NAT, multicast, reserved and documentation
    ranges. An IPv4 address embedded in an IPv6 one (mapped, NAT64) is judged by itself; 6to4, Teredo and ISATAP are
    refused, since their relays lead anywhere. A network's own NAT64 prefix (RFC 6052) cannot be recognised; behind one,
    the known addresses of metadata services are refused.
    """
    if isinstance(address, ipaddress.IPv6Address):
        embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address.ipv4_mapped
        if embedded is not None:
            return is_public(embedded)
        if address not in _GLOBAL_UNICAST or _leads_to_ipv4(int(address)):
            return False
    special = address.is_multicast or address.is_reserved or any(address in network for network in _SPECIAL)
    return address.is_global and not special


def _leads_to_ipv4(address: int) -> bool:
    return (address >> 32) & 0xFFFFFFFF in _ISATAP or address & 0xFFFFFFFF in _METADATA


def _plain(address: Address) -> Address:
    """The IPv4 address embedded in an IPv6 one (`::ffff:127.0.0.1`), or the address itself."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


class AddressGuard:
    """Checks the addresses of a host. `allowed` are host names, addresses and networks that need not be public.

    Raises `ConfigurationError` for an entry that is none of these.
    """

    def __init__(self, allowed: Iterable[str] = (), *, setting: str = "CIRA_FETCH_ALLOWED_HOSTS") -> None:
        names: set[str] = set()
        networks: list[Network] = []
        for entry in allowed:
            text = entry.strip().removeprefix("[").removesuffix("]")
            try:
                networks.append(ipaddress.ip_network(text, strict=False))
            except ValueError as error:
                if "/" in text or ":" in text or not text:
                    raise ConfigurationError(
                        f"{setting}: {entry!r} is invalid; expected a host name, an address or a network"
                    ) from error
                names.add(text.lower().removesuffix("."))
        self._names = frozenset(names)
        self._networks = tuple(networks)

    def checked(self, host: str, answers: Sequence[str]) -> tuple[Address, ...]:
        """The addresses of `host` if all of them are allowed. Raises: `AddressRefused`.

        A name with one public and one private address is refused too: that has no legitimate use.
        """
        addresses = tuple(_plain(ipaddress.ip_address(answer)) for answer in answers)
        for address in addresses:
            if not self._allows(host, address):
                raise AddressRefused(
                    f"{host} resolves to {address}, which is not a public address", host=host, address=str(address)
                )
        return addresses

    def _allows(self, host: str, address: Address) -> bool:
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
            return False
        return host in self._names or is_public(address) or any(address in network for network in self._networks)
