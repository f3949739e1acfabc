package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
)

// TestATerminalIsAsked: the null device is no file and no pipe either, which is all that is looked at.
func TestATerminalIsAsked(t *testing.T) {
	device, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	for _, c := range []struct {
		in    io.Reader
		asked bool
	}{{device, true}, {strings.NewReader("correct-horse\r\n"), false}} {
		var told bytes.Buffer
		p := &program{in: c.in, err: &told}
		line, err := p.firstLine("password")
		if asked := strings.Contains(told.String(), "Type the password"); asked != c.asked {
			t.Errorf("%T: %q", c.in, &told)
		}
		if !c.asked && (err != nil || line != "correct-horse") {
			t.Errorf("%q, %v", line, err)
		}
	}
}
