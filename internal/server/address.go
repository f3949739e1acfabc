package server

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxies are the networks whose X-Forwarded-For and Traceparent are believed. With none, neither is ever read.
type proxies []netip.Prefix

// clientAddress is the address that limits count and the audit log keeps: the peer, or, behind trusted proxies, the last
// address in X-Forwarded-For that is not one of them. What stands before that anyone can have written. ignored: the peer says that the
// request is somebody else's, and is no trusted proxy.
func (p proxies) clientAddress(r *http.Request) (host string, ignored bool) {
	host = peer(r)
	if !p.trusted(host) {
		return host, r.Header["X-Forwarded-For"] != nil || r.Header["Forwarded"] != nil
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = withoutPort(strings.TrimSpace(hop))
		if _, err := netip.ParseAddr(hop); err != nil {
			break
		}
		host = hop
		if !p.trusted(hop) {
			break
		}
	}
	return host, false
}

// adviseOnProxies tells once what a platform behind a proxy that it did not list would hear of as "everybody is locked out": all of its
// people have one address, and share its limits. It may as well be anybody's header on a server that has no proxy.
func (s *Server) adviseOnProxies(peer string) {
	s.proxyAdvice.Do(func() {
		s.log.Warn("X-Forwarded-For or Forwarded was ignored: its peer is not in trusted_proxies. If that is your proxy, list its address there and let it "+
			"send X-Forwarded-For; until then all who come through it share one address, and its limits", "peer", peer)
	})
}

// peer is who opened the connection.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// withoutPort takes off what some proxies write behind the address: 203.0.113.7:4711, [2001:db8::1]:443, [2001:db8::1].
func withoutPort(hop string) string {
	if with, err := netip.ParseAddrPort(hop); err == nil {
		return with.Addr().String()
	}
	return strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]")
}

func (p proxies) trusted(host string) bool {
	if len(p) == 0 {
		return false
	}
	address, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address.Unmap()) })
}
