package binary

import (
	"context"
	"debug/elf"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey.dev/tests/running"
)

// What people are promised of the binary. The bars are for a quiet machine, so the test prints the figures, and fails only far beyond.
func TestFigures(t *testing.T) {
	folder := t.TempDir()
	binary := shipped(t, folder)
	t.Logf("binary: %.1f MB on disk, static: %t", size(t, binary), static(t, binary))
	if size(t, binary) > 40 || !static(t, binary) {
		t.Error("the binary is over 40 MB, or not static")
	}
	developed := startUp(t, binary, folder, "dev", func(address string) []string {
		return []string{"dev", "--addr", address, "--data", filepath.Join(folder, "new")}
	})
	t.Logf("dev on a new database: ready in %d ms, %.1f MB resident", developed.ready.Milliseconds(), developed.resident)
	installation := install(t, binary, folder)
	served := startUp(t, binary, folder, "serve", installation.arguments)
	t.Logf("serve on an existing database: ready in %d ms, %.1f MB resident when idle", served.ready.Milliseconds(), served.resident)
	if developed.ready > 10*time.Second || served.ready > 2*time.Second || served.resident > 60 {
		t.Error("far from what is promised: 2 s, 150 ms and 40 MB")
	}
	if served.hsts == "" {
		t.Error("RFC 6797: an https issuer answers without Strict-Transport-Security")
	}
}

// shipped builds as `make build` does.
func shipped(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join(folder, "latchkey")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "latchkey.dev/cmd/latchkey")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return path
}

func size(t *testing.T, path string) float64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return float64(info.Size()) / (1 << 20)
}

// static: no interpreter has to load anything.
func static(t *testing.T, path string) bool {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Skip("not an ELF binary")
	}
	defer file.Close()
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}

// installation is what an operator has before `latchkey serve`.
type installation struct{ folder string }

func install(t *testing.T, binary, folder string) installation {
	t.Helper()
	in := installation{folder}
	key, err := exec.Command(binary, "key", "generate-master").Output()
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "master.key"), key, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	first := in.arguments("127.0.0.1:0")
	if output, err := exec.Command(binary, "migrate", "up", "--config", first[2]).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return in
}

// arguments writes the configuration for an address. Its issuer is https, which a proxy in front ends.
func (in installation) arguments(address string) []string {
	path := filepath.Join(in.folder, "latchkey.yaml")
	text := fmt.Sprintf(`
listen: %s
admin: { listen: "127.0.0.1:0" }
database: sqlite:latchkey.db
master_key_file: master.key
mail: { host: 127.0.0.1, port: 2525, security: none, from: no-reply@acme.example }
issuers:
  - name: acme
    url: https://id.acme.example
    title: Acme
`, address)
	_ = os.WriteFile(path, []byte(text), 0o600) // serve says so when it is not there
	return []string{"serve", "--config", path}
}

type figures struct {
	ready    time.Duration
	resident float64
	hsts     string
}

// startUp starts the command, the second time for the figures, so that everything is there already and read once.
func startUp(t *testing.T, binary, folder, name string, arguments func(address string) []string) (best figures) {
	t.Helper()
	for attempt := range 3 {
		address, err := running.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		log, err := os.Create(filepath.Join(folder, name+".log"))
		if err != nil {
			t.Fatal(err)
		}
		if name == "dev" {
			_ = os.RemoveAll(filepath.Join(folder, "new")) // each time a new database
		}
		began := time.Now()
		process, err := running.Start(binary, log, arguments(address)...)
		if err != nil {
			t.Fatal(err)
		}
		hsts, err := firstAnswer(process, address, map[string]string{"dev": strings.Replace(address, "127.0.0.1", "acme.localhost", 1), "serve": "id.acme.example"}[name])
		now := figures{ready: time.Since(began), hsts: hsts}
		if err != nil {
			text, _ := os.ReadFile(log.Name()) // for the message only
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		time.Sleep(500 * time.Millisecond)
		now.resident = memory(t, process.ID())
		_ = process.Kill()
		if attempt > 0 && (best.ready == 0 || now.ready < best.ready) {
			best = now
		}
	}
	return best
}

// firstAnswer asks every millisecond until the metadata comes.
func firstAnswer(process *running.Process, address, host string) (hsts string, err error) {
	transport := running.Site{Address: address}.Transport("")
	defer transport.CloseIdleConnections()
	err = process.Promptly(20*time.Second, func(ctx context.Context) bool {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/.well-known/openid-configuration", http.NoBody)
		if err != nil {
			return false
		}
		response, err := transport.RoundTrip(request)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		hsts = response.Header.Get("Strict-Transport-Security")
		return response.StatusCode == http.StatusOK
	})
	return hsts, err
}
