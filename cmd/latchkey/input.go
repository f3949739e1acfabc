package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// firstLine reads a secret from the first line of standard input. Who sits at a terminal is asked for it.
func (p *program) firstLine(what string) (string, error) {
	if isTerminal(p.in) {
		_, _ = fmt.Fprintf(p.err, "Type the %s; it is shown as you type: ", what)
	}
	line, err := bufio.NewReader(io.LimitReader(p.in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", usage("write the %s to standard input, as its first line", what)
	}
	return line, nil
}

// isTerminal tells whether a person reads or writes there.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	if !ok {
		return false
	}
	about, err := file.Stat()
	return err == nil && about.Mode()&os.ModeCharDevice != 0
}
