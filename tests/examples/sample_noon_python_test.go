package examples

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoon_CompleteCodeExamples runs the program under "Complete Code Examples" as printed, but for hosts and credentials: testdata has it
// with the indentation that the page lost.
func TestNoon_CompleteCodeExamples(t *testing.T) {
	p := dev.Platforms["noon"]
	q := quickstart{name: "the printed program", platform: "noon", client: "quickstart-python", address: "http://127.0.0.1:8092"}
	q.command = func(t *testing.T) *exec.Cmd {
		t.Helper()
		command := python(t)
		command.Args = []string{
			command.Path, "-u", filepath.Join("testdata", "noon_authenticated.py"), "https://oauth.noon.partners", p.Hosts["oauth"],
			"https://noon-api-gateway.noon.partners", noonGateway(), "your_client_id", q.client, "your_client_secret", p.Client(q.client).Secret,
		}
		command.Env = append(command.Env, "NOON_SESSION="+noonLogin(t, p.ServiceAccounts[0]))
		return command
	}
	stop := q.start(t)
	who := q.person(t)
	page := browse(t, who, open(t, who, q.address+"/connect-seller"), q.address)
	if want := "Successfully connected seller project: PRJ12345"; page.Status != http.StatusOK || page.Text != want {
		t.Errorf("%d %s", page.Status, page.Text)
	}
	if page := open(t, who, q.address+"/oauth/callback?code=stolen&state=forged"); page.Status != http.StatusBadRequest {
		t.Errorf("a forged state: %d %s", page.Status, page.Text)
	}
	printed := stop()
	for _, want := range []string{"Access token obtained for project: PRJ12345", "Credentials received for project: PRJ12345"} {
		if !strings.Contains(printed, want) {
			t.Errorf("it did not print %q", want)
		}
	}
}
