package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts, and the tests that start a process, run this binary as latchkey.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"latchkey": func() { os.Exit(run()) }})
}

// TestScripts runs testdata/script: each is a shell-like text of commands and what they answer.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("LISTEN", freeAddress(t))
			env.Setenv("ADMIN", freeAddress(t))
			env.Setenv("MASTER", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"get": getCommand, "expand": expandCommand, "exits": exitsCommand, "capture": captureCommand,
		},
	})
}

func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// getCommand is `get STATUS URL [HOST]`: it waits until somebody listens, and leaves the body in the file "body".
func getCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: get STATUS URL [HOST]")
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, args[1], http.NoBody)
		ts.Check(err)
		if len(args) > 2 {
			request.Host = args[2]
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil && time.Now().Before(deadline) {
			continue
		}
		ts.Check(err)
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs("body"), body, 0o600))
		if strconv.Itoa(answer.StatusCode) != args[0] {
			ts.Fatalf("%s answers %s, not %s:\n%s", args[1], answer.Status, args[0], body)
		}
		return
	}
}

// expandCommand is `expand FILE…`: it puts the environment's values into files.
func expandCommand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(os.Expand(ts.ReadFile(name), ts.Getenv)), 0o600))
	}
}

// exitsCommand is `exits CODE COMMAND…`: it holds the command to its documented exit code.
func exitsCommand(ts *testscript.TestScript, _ bool, args []string) {
	want := args[0]
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != want {
		ts.Fatalf("%s exits with %s, not %s", strings.Join(args[1:], " "), got, want)
	}
}

// captureCommand is `capture NAME FIELD [WITHIN]`: the JSON text member FIELD of the last output becomes the variable NAME; where
// several have that name, the one within the member WITHIN.
func captureCommand(ts *testscript.TestScript, _ bool, args []string) {
	output := ts.ReadFile("stdout")
	if len(args) > 2 {
		_, output, _ = strings.Cut(output, `"`+args[2]+`": `)
	}
	_, after, ok := strings.Cut(output, `"`+args[1]+`": "`)
	if !ok {
		ts.Fatalf("the output has no %s", args[1])
	}
	value, _, _ := strings.Cut(after, `"`)
	ts.Setenv(args[0], value)
}
