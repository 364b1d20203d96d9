from __future__ import annotations

import ipaddress

import pytest

from cira_pipeline.errors import AddressRefused, ConfigurationError
from cira_pipeline.intake.addresses import AddressGuard, is_public

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.175.48.1",
    "199.36.153.5",
    "199.36.153.10",
    "161.26.0.10",
    "166.9.0.1",
    "100.64.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.5",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "::ffff:168.63.129.16",
    "::168.63.129.16",
    "64:ff9b::168.63.129.16",
    "64:ff9b::100.100.100.200",
    "64:ff9b:1::168.63.129.16",
    "2002:a83f:8110::1",
    "2001:0:4136:e378:8000:63bf:57c0:7eef",
    "2a00:1450:4001::5efe:10.0.0.1",
    "2a00:1450:4001::200:5efe:168.63.129.16",
    "2a00:1450:64::169.254.169.254",
    "2a00:1450:64::168.63.129.16",
    "2600:2d00:2:1000::1",
    "2600:2d00:2:20ff::1",
    "2620:4f:8000::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:0a00:0001::1",
    "fc00::1",
    "fd12:3456::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fd00:c1::a9fe:a9fe",
    "fd00:42::42",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "3fff::1",
    "5f00::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_nobody_reads_our_own_network_through_an_address_like(address: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard().checked("supplier.example", [address])


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "2606:2800:21f:cb07::1", "64:ff9b::5db8:d70e", "::ffff:8.8.8.8", "168.63.129.17", "166.12.0.1"],
)
def test_suppliers_on_the_public_internet_are_reached(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    assert AddressGuard().checked("supplier.example", [address])


def test_a_name_with_one_private_address_among_public_ones_is_refused() -> None:
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        AddressGuard().checked("mixed.example", ["93.184.215.14", "10.0.0.1"])


@pytest.mark.parametrize(
    ("allowed", "host", "address"),
    [
        ("files.internal", "files.internal", "10.1.2.3"),
        ("Files.Internal.", "files.internal", "10.1.2.3"),
        ("10.1.0.0/16", "anything.internal", "10.1.2.3"),
        ("10.1.2.3", "10.1.2.3", "10.1.2.3"),
        ("127.0.0.0/8", "mapped", "::ffff:127.0.0.1"),
        ("[::1]", "::1", "::1"),
        ("fd00::/8", "six.internal", "fd00::5"),
    ],
)
def test_an_operator_can_open_internal_hosts_and_networks(allowed: str, host: str, address: str) -> None:
    assert AddressGuard([allowed]).checked(host, [address])


@pytest.mark.parametrize(
    ("allowed", "host", "address"),
    [
        ("files.internal", "other.internal", "10.1.2.3"),
        ("files.internal", "files.internal.evil.example", "10.1.2.3"),
        ("10.1.0.0/16", "anything.internal", "10.2.2.3"),
    ],
)
def test_opening_one_host_does_not_open_others(allowed: str, host: str, address: str) -> None:
    with pytest.raises(AddressRefused):
        AddressGuard([allowed]).checked(host, [address])


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "http://files.internal", "files.internal:8080", ""])
def test_a_misspelt_setting_is_said_at_the_start_and_not_at_each_download(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="CIRA_FETCH_ALLOWED_HOSTS"):
        AddressGuard([entry])
