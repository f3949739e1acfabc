package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// installed is an installation in a folder of its own, driven through the real command line.
type installed struct{ folder, listen, admin string }

func install(t *testing.T) *installed {
	t.Helper()
	in := &installed{folder: t.TempDir(), listen: freeAddress(t), admin: freeAddress(t)}
	in.write(t, "latchkey.yaml", fmt.Sprintf(`
listen: %s
admin: { listen: "%s" }
database: sqlite:latchkey.db
master_key_file: master.key
mail: { host: 127.0.0.1, port: 2525, security: none, from: no-reply@acme.example }
log: { level: warn }
issuers:
  - name: acme
    url: https://login.acme.example
    title: Acme
    scopes: [{ name: reports, title: { en: Read reports }, machine: true }]
`, in.listen, in.admin))
	in.write(t, "master.key", string(in.run(t, "key", "generate-master")))
	in.run(t, "migrate")
	return in
}

func (in *installed) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(in.folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// command runs this test binary as latchkey: TestMain looks at its name.
func (in *installed) command(args ...string) *exec.Cmd {
	self, _ := os.Executable()
	return &exec.Cmd{Path: self, Args: append([]string{"latchkey"}, args...), Dir: in.folder, Env: os.Environ()}
}

func (in *installed) run(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := in.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("latchkey %v: %v\n%s", args, err, &stderr)
	}
	return out
}

// serve starts the server as it is installed.
func (in *installed) serve(t *testing.T) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	cmd, stderr = in.command("serve"), &bytes.Buffer{}
	cmd.Stderr = stderr
	in.start(t, cmd)
	return cmd, stderr
}

// start starts a server and waits for its line.
func (in *installed) start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.Contains(line, " is ready on ") {
		_ = cmd.Wait()
		t.Fatalf("the server said %q, %v\n%s", line, err, cmd.Stderr)
	}
}

func (in *installed) newClient(t *testing.T) (id, secret string) {
	t.Helper()
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	out := in.run(t, "client", "create", "--name", "Reports", "--grant-type", "client_credentials", "--scope", "reports", "--json")
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatal(err)
	}
	return made.ID, made.Secret
}

// token asks for one with the app's own credentials.
func (in *installed) token(client *http.Client, id, secret string) error {
	body := url.Values{"grant_type": {"client_credentials"}}.Encode()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+in.listen+"/oauth/token", strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Host = "login.acme.example"
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return err
}

// TestStopDropsNoRequest: SIGTERM while eight apps ask for tokens over connections that are kept alive. Until its connection is
// refused, no app may see anything but answers; /readyz tells before the listener closes.
func TestStopDropsNoRequest(t *testing.T) {
	in := install(t)
	id, secret := in.newClient(t)
	cmd, stderr := in.serve(t)
	var answered atomic.Int64
	dropped := make(chan error, 8)
	var apps sync.WaitGroup
	for range 8 {
		apps.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for {
				err := in.token(client, id, secret)
				// A connection that waited to be accepted when the listener closed is reset: nobody had taken its request.
				if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
					return
				}
				if err != nil {
					dropped <- err
					return
				}
				answered.Add(1)
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	before := answered.Load()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	in.waitUntilNotReady(t)
	apps.Wait()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v\n%s", err, stderr)
	}
	close(dropped)
	for err := range dropped {
		t.Errorf("dropped: %v", err)
	}
	if before == 0 || answered.Load() == before {
		t.Errorf("%d answers before the signal, %d in all: the test saw no load", before, answered.Load())
	}
}

// TestHangupWithoutACertificateIsNothing: `systemctl reload` sends SIGHUP also where a proxy ends TLS.
func TestHangupWithoutACertificateIsNothing(t *testing.T) {
	in := install(t)
	id, secret := in.newClient(t)
	cmd, stderr := in.serve(t)
	for range 3 {
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		if err := in.token(http.DefaultClient, id, secret); err != nil {
			t.Fatalf("after SIGHUP: %v\n%s", err, stderr)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v\n%s", err, stderr)
	}
}

// TestALogReaderThatEndsIsNoReasonToEnd: who read standard error is gone, and Go ends a process that writes there all the same.
func TestALogReaderThatEndsIsNoReasonToEnd(t *testing.T) {
	in := install(t)
	id, secret := in.newClient(t)
	settings, err := os.ReadFile(filepath.Join(in.folder, "latchkey.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	in.write(t, "talkative.yaml", strings.Replace(string(settings), "level: warn", "level: info", 1))
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := in.command("serve", "--config", "talkative.yaml")
	cmd.Stderr = write
	in.start(t, cmd)
	if err := errors.Join(read.Close(), write.Close()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := in.token(http.DefaultClient, id, secret); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // lines are held back for 10
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	in.waitUntilNotReady(t)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

func (in *installed) waitUntilNotReady(t *testing.T) {
	t.Helper()
	for range 200 {
		answer, err := http.Get("http://" + in.admin + "/readyz")
		if err != nil {
			t.Errorf("/readyz is gone before it said 503: %v", err)
			return
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusServiceUnavailable {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("/readyz never said 503")
}
