package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"latchkey.dev/bearer"
)

// The two libraries that most Node applications use; the scripts beside this file hold the assertions.
func TestNode(t *testing.T) {
	if reason := noNode("openid-client"); reason != "" {
		t.Skip("skipped openid-client and oauth4webapi: " + reason)
	}
	for _, script := range []string{"openid-client.mjs", "oauth4webapi.mjs"} {
		for _, fixture := range server.fixtures {
			t.Run(script+"/"+fixture.Name, func(t *testing.T) { runNode(t, script, fixture) })
		}
	}
}

func TestNodeRegistersItself(t *testing.T) {
	if reason := noNode("openid-client"); reason != "" {
		t.Skip("skipped openid-client: " + reason)
	}
	runNode(t, "register.mjs", fixture{Issuer: server.issuer, Email: email, Password: password, RedirectURI: redirect, Scope: scope})
}

// TestMCP: an agent with the MCP SDK finds the issuer from a 401 of an MCP server, registers itself, steps up when a tool takes more than
// connecting did, and refreshes. Nothing is loosened, and nothing is configured.
func TestMCP(t *testing.T) {
	if reason := noNode("@modelcontextprotocol/client"); reason != "" {
		t.Skip("skipped @modelcontextprotocol/client: " + reason)
	}
	resource := "http://" + server.mcp + "/mcp"
	guard, err := bearer.New(t.Context(), bearer.Config{
		Issuer: server.issuer, Audience: resource, ClientID: server.api.ClientID, ClientSecret: server.api.ClientSecret, HTTPClient: server.client,
	})
	if err != nil {
		t.Fatal(err)
	}
	api := http.NewServeMux()
	api.Handle("POST /mcp", mcpServer(guard))
	api.Handle("GET "+guard.MetadataPath(), guard.Metadata())
	listener, err := net.Listen("tcp", server.mcp)
	if err != nil {
		t.Fatal(err)
	}
	serving := &httptest.Server{Listener: listener, Config: &http.Server{Handler: api, ReadHeaderTimeout: time.Minute}}
	serving.Start()
	t.Cleanup(serving.Close)
	runNode(t, "mcp.mjs", fixture{Issuer: resource, Email: email, Password: password, RedirectURI: redirect})
}

// mcpServer answers the two calls of an MCP client that connects and lists tools. The second takes a scope more.
func mcpServer(guard *bearer.Guard) http.Handler {
	answers := map[string]http.Handler{
		"initialize": guard.Require("orders:read")(reply(`{"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "orders", "version": "1"}}`)),
		"tools/list": guard.Require("orders:read", "orders:write")(reply(`{"tools": [{"name": "cancel-order", "inputSchema": {"type": "object"}}]}`)),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, known := answers[call.Method]
		if !known { // a notification
			w.WriteHeader(http.StatusAccepted)
			return
		}
		r.Header.Set("Call-Id", string(call.ID))
		answer.ServeHTTP(w, r)
	})
}

func reply(result string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"jsonrpc": "2.0", "id": %s, "result": %s}`, r.Header.Get("Call-Id"), result)
	})
}

func noNode(library string) string {
	if _, err := exec.LookPath("node"); err != nil {
		return "node is not installed"
	}
	if _, err := os.Stat("node_modules/" + library); err != nil {
		return library + " is not: run tests/install"
	}
	return ""
}

func runNode(t *testing.T, script string, fixture fixture) {
	t.Helper()
	input, err := json.Marshal(fixture)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", script)
	node.Env = append(os.Environ(), "LATCHKEY_FIXTURE="+string(input), "NODE_EXTRA_CA_CERTS="+server.authorityFile)
	output, err := node.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, output)
	}
	t.Logf("%s", output)
}
