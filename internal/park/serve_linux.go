package park

import (
	"net"
	"net/http"
	"time"
)

// Serve is server.Serve(listener), where no more than so many idle connections stay inside net/http: those that asked last. It sets the
// server's ConnState. When the listener is closed it returns, and connections that came in before it are served until the server's
// Shutdown or Close. What is not plain TCP is not parked: TLS keeps a state that net/http's end of a connection ends too.
//
// The clock is for the idle timeout of what is parked; net/http's own deadlines are of the real one.
func Serve(server *http.Server, listener net.Listener, inside int, clock func() time.Time) error {
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return server.Serve(listener)
	}
	l, err := open(tcp.Addr(), inside, clock)
	if err != nil {
		return err
	}
	server.ConnState = connState
	ended := make(chan error, 2)
	go func() { ended <- server.Serve(l) }()
	go func() { ended <- server.Serve(arrivals{tcp, l}) }()
	return <-ended
}

// arrivals are the connections that come in, as the lot is the listener of those that come back.
type arrivals struct {
	*net.TCPListener

	lot *lot
}

func (a arrivals) Accept() (net.Conn, error) {
	tcp, err := a.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return newConn(tcp, a.lot), nil
}
