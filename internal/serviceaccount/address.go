package serviceaccount

import (
	"net/netip"
	"slices"
	"strings"

	"latchkey.dev/internal/oauth"
)

// maxAddresses is how many addresses or networks a key may be bound to.
const maxAddresses = 10

// readAddresses checks the addresses that a key may be used from, single ones or networks (RFC 4632), and writes them as the
// database keeps them.
func readAddresses(texts []string) (string, error) {
	if len(texts) > maxAddresses {
		return "", oauth.InvalidRequest("a key can be bound to at most %d addresses", maxAddresses)
	}
	networks := make([]string, 0, len(texts))
	for i, text := range texts {
		network, ok := readNetwork(strings.TrimSpace(text))
		if !ok {
			return "", oauth.InvalidRequest("address %d is not an IP address or a network such as 192.0.2.0/24", i+1)
		}
		if !slices.Contains(networks, network.String()) {
			networks = append(networks, network.String())
		}
	}
	return strings.Join(networks, " "), nil
}

func readNetwork(text string) (netip.Prefix, bool) {
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), true
	}
	network, err := netip.ParsePrefix(text)
	if err != nil || network.Addr().Is4In6() {
		return netip.Prefix{}, false
	}
	return network.Masked(), true
}

// writtenAddresses lists what the database keeps as people write it: a single address without its length.
func writtenAddresses(networks string) []string {
	written := []string{}
	for text := range strings.FieldsSeq(networks) {
		if network, err := netip.ParsePrefix(text); err == nil && network.IsSingleIP() {
			text = network.Addr().String()
		}
		written = append(written, text)
	}
	return written
}

// allowed tells whether a key bound to networks may be used from an address. One that is bound to none may be used from anywhere.
func allowed(networks, address string) bool {
	if networks == "" {
		return true
	}
	from, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	from = from.Unmap().WithZone("")
	for text := range strings.FieldsSeq(networks) {
		if network, err := netip.ParsePrefix(text); err == nil && network.Contains(from) {
			return true
		}
	}
	return false
}
