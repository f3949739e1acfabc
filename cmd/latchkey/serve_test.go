package main

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestAdviceOnAPortThatOnlyRootMayHave(t *testing.T) {
	refused := &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EACCES)}
	if said := advice(refused); !strings.Contains(said, "CAP_NET_BIND_SERVICE") || strings.Contains(said, "another process") {
		t.Errorf("%q", said)
	}
}
