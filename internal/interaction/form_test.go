package interaction_test

import (
	"html"
	"net/url"
	"regexp"
	"strings"

	"latchkey.dev/tests/person"
)

var (
	hiddenR = regexp.MustCompile(`name="r" value="([^"]*)"`)
	tags    = regexp.MustCompile(`<[^>]*>`)
)

// says tells whether a person reads the words on the page.
func says(page *person.Page, words string) bool {
	return strings.Contains(html.UnescapeString(tags.ReplaceAllString(page.Text, "")), words)
}

// withFormR adds the flow of a page's form to fields that the test fills in by itself.
func withFormR(page string, form url.Values) url.Values {
	if found := hiddenR.FindStringSubmatch(page); found != nil {
		form.Set("r", found[1])
	}
	return form
}
