//go:build !linux

package park

import (
	"net"
	"net/http"
	"time"
)

// Serve is server.Serve(listener): only Linux has epoll.
func Serve(server *http.Server, listener net.Listener, _ int, _ func() time.Time) error {
	return server.Serve(listener)
}
