// Command latchkey is the authorization server: `latchkey dev` to try it, `latchkey serve` to run it, and the rest to look after
// what it holds. `latchkey --help` lists the commands and the exit codes.
package main

import (
	"context"
	"crypto/rand"
	"os"
	"os/signal"
	"syscall"
	"time"

	"latchkey.dev/internal/config"
)

func main() { os.Exit(run()) }

// run is the whole program, for main and for the scripts that test it.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr, clock: time.Now, rand: rand.Reader, source: config.System()}
	return p.run(ctx, os.Args[1:])
}
