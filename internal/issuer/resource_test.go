package issuer

import "testing"

// TestRFC3986_6_2_3_ASlashAfterAnOriginChangesNothing: everything else is compared as a string (RFC 8707 §2).
func TestRFC3986_6_2_3_ASlashAfterAnOriginChangesNothing(t *testing.T) {
	i := &Issuer{Audience: "https://api.acme.example", Resources: []string{
		"https://stock.acme.example/", "https://both.acme.example", "https://both.acme.example/", "https://path.acme.example/mcp", "urn:acme:ledger",
	}}
	for named, want := range map[string]string{
		"https://api.acme.example": "https://api.acme.example", "https://api.acme.example/": "https://api.acme.example",
		"https://stock.acme.example": "https://stock.acme.example/", "https://stock.acme.example/": "https://stock.acme.example/",
		"https://both.acme.example": "https://both.acme.example", "https://both.acme.example/": "https://both.acme.example/",
		"https://path.acme.example/mcp": "https://path.acme.example/mcp", "urn:acme:ledger": "urn:acme:ledger",
		"https://path.acme.example/mcp/": "", "https://path.acme.example": "", "https://api.acme.example//": "", "https://api.acme.example?/": "",
		"https://API.acme.example": "", "http://api.acme.example/": "", "urn:acme:ledger/": "", "/": "", "": "",
	} {
		if got, allowed := i.Resource(named); got != want || allowed != (want != "") {
			t.Errorf("%q: %q, %t, want %q", named, got, allowed, want)
		}
	}
}
