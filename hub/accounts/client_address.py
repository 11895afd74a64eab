"""The address that a failed sign-in is counted for. Pure."""

from ipaddress import IPv4Address, IPv6Network, ip_address

UNKNOWN = "0.0.0.0"  # noqa: S104 — the unspecified address of RFC 1122, no address to bind to
# RFC 6177, RFC 7421: one subscriber has a /64 at least, and so 2^64 addresses to try from.
_ONE_SUBSCRIBER = 64


def counted_as(address: str) -> str:
    """An IPv4 address as it is, for IPv6 its network of one subscriber; `UNKNOWN` for nonsense."""
    try:
        # A zone ("%eth0") is this machine's own affair.
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, _ONE_SUBSCRIBER), strict=False).network_address)
