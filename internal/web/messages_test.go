package web

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"

	"golang.org/x/text/feature/plural"
)

func readMessages(t *testing.T, lang string) map[string]message {
	t.Helper()
	data, err := messageFiles.ReadFile("messages/" + lang + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	messages, err := parseMessages(data)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

func placeholders(s string) []string {
	found := regexp.MustCompile(`\{[a-z_]+\}`).FindAllString(s, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

func TestLanguagesHaveTheSameKeysFormsAndPlaceholders(t *testing.T) {
	english := readMessages(t, "en")
	for _, lang := range languages() {
		messages := readMessages(t, lang)
		for _, key := range slices.Sorted(maps.Keys(english)) {
			if _, ok := messages[key]; !ok {
				t.Errorf("%s: %s is missing", lang, key)
				continue
			}
			compareMessage(t, lang, key, english[key], messages[key])
		}
		for key := range messages {
			if _, ok := english[key]; !ok {
				t.Errorf("%s: %s is in no other language", lang, key)
			}
		}
	}
}

func compareMessage(t *testing.T, lang, key string, english, m message) {
	t.Helper()
	if len(english.forms) > 1 {
		if got, want := slices.Sorted(maps.Keys(m.forms)), pluralForms(t, lang); !slices.Equal(got, want) {
			t.Errorf("%s: %s has the forms %v, want %v", lang, key, got, want)
		}
	} else if len(m.forms) != 1 {
		t.Errorf("%s: %s counts, but not in English", lang, key)
	}
	want := placeholders(english.forms["other"])
	for form, s := range m.forms {
		got := placeholders(s)
		if form == "zero" || form == "one" || form == "two" { // these may say the number in words, and then what it counts
			got, want = without(got, "{n}"), without(want, "{n}")
		}
		if form == "zero" && len(got) <= len(want) {
			continue
		}
		if form != "zero" && form != "one" && form != "two" {
			want = placeholders(english.forms["other"])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s (%s) has %v, want %v", lang, key, form, got, want)
		}
		if (strings.TrimSpace(s) != s && key != "list.separator") || s == "" || strings.Count(s, "**")%2 != 0 {
			t.Errorf("%s: %s (%s) is empty, padded or leaves ** open: %q", lang, key, form, s)
		}
	}
}

// A line must not break before a French mark, nor after a quotation mark that opens.
func TestFrenchMarksKeepToTheirWords(t *testing.T) {
	for key, m := range readMessages(t, "fr") {
		for _, s := range m.forms {
			if found := regexp.MustCompile(`[^ ]* [?!;:»]|« `).FindString(s); found != "" {
				t.Errorf("%s: a plain space in %q: write a no-break space, U+00A0", key, found)
			}
		}
	}
}

func without(list []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == word })
}

// pluralForms asks CLDR which forms whole numbers take in a language.
func pluralForms(t *testing.T, lang string) []string {
	t.Helper()
	tongue, err := loadTongue(lang, nil)
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]bool{}
	for n := range 1001 {
		form := tongue.pluralForm(n)
		if plural.Cardinal.MatchPlural(tongue.tag, n, 0, 0, 0, 0) == plural.Other {
			form = "other"
		}
		forms[form] = true
	}
	return slices.Sorted(maps.Keys(forms))
}

// made lists the keys that are put together while running.
func made() []string {
	var keys []string
	for _, p := range problems() {
		keys = append(keys, "problem."+string(p))
	}
	for _, k := range eventKinds() {
		keys = append(keys, "event."+string(k))
	}
	for _, r := range []string{RoleOwner, RoleAdmin, RoleMember, RoleManager, RoleDeveloper, RoleEditor, RoleSupport, RoleViewer} {
		keys = append(keys, "role."+r)
	}
	for _, item := range nav() {
		keys = append(keys, "nav."+string(item.Section))
	}
	for _, f := range (Activity{}).Filters() {
		keys = append(keys, filterLabel(f))
	}
	for _, s := range []string{"openid", "profile", "email", "offline_access"} {
		keys = append(keys, "scope."+s+".title", "scope."+s+".consequence")
	}
	for _, e := range []string{"invalid_request", "invalid_client", "invalid_redirect_uri", "unauthorized_client", "cross_origin", "server_error", "access_denied", "other"} {
		keys = append(keys, "error."+e+".title", "error."+e+".what", "error."+e+".do")
	}
	for _, n := range []SecurityNotice{NoticePasswordChanged, NoticeSessionEnded, NoticeOthersEnded, NoticeLanguageSaved} {
		keys = append(keys, "security.notice."+string(n))
	}
	for _, n := range []AccountNotice{NoticeAccountCreated, NoticeAccountRenamed, NoticeRoleChanged, NoticeMemberRemoved, NoticeInvitationRevoked, NoticeInvitationAgain, NoticeJoined} {
		keys = append(keys, "account.notice."+string(n))
	}
	for _, step := range exchangeSteps() {
		keys = append(keys, "exchange.step."+string(step), "exchange.ahead."+string(step))
	}
	for _, reason := range append(exchangeReasons(), "other") {
		keys = append(keys, "exchange.reason."+reason)
	}
	for _, state := range []ExchangeState{ExchangeWaiting, ExchangeRefused, ExchangeDone} {
		keys = append(keys, "exchange.state."+string(state))
	}
	keys = append(keys, "exchange.step."+string(StepRefused))
	for _, fault := range sandboxFaults() {
		keys = append(keys, "sandbox.done."+fault, "sandbox.button."+fault)
	}
	for month := 1; month <= 12; month++ {
		keys = append(keys, fmt.Sprintf("date.month%d", month))
	}
	return keys
}

func TestEveryMessageIsUsedAndEveryUsedMessageExists(t *testing.T) {
	english := readMessages(t, "en")
	used := map[string]bool{}
	for _, key := range made() {
		used[key] = true
		if _, ok := english[key]; !ok {
			t.Errorf("%s is said and has no words", key)
		}
	}
	for _, call := range templateCalls(t) {
		used[call.key] = true
		if m, ok := english[call.key]; !ok {
			t.Errorf("%s: %s has no words", call.where, call.key)
		} else if got, want := call.args, placeholders(m.forms["other"]); !slices.Equal(got, want) {
			t.Errorf("%s: %s is given %v, its words want %v", call.where, call.key, got, want)
		}
	}
	for _, literal := range goStrings(t) {
		used[literal] = true
	}
	for key := range english {
		if !used[key] {
			t.Errorf("%s is never said", key)
		}
	}
}

// templateCall is one {{t "key" "name" value …}} in a template.
type templateCall struct {
	where, key string
	args       []string // as placeholders, sorted
}

func templateCalls(t *testing.T) []templateCall {
	t.Helper()
	re := newRenderer(t)
	var calls []templateCall
	for _, tmpl := range re.speakers["en"]().templates.Templates() {
		if tmpl.Tree == nil {
			continue
		}
		walkCommands(tmpl.Tree.Root, func(c *parse.CommandNode) {
			if call, ok := asMessageCall(c); ok {
				call.where = tmpl.Name()
				calls = append(calls, call)
			}
		})
	}
	if len(calls) < 200 {
		t.Fatalf("found only %d messages in the templates: does the walk still see them?", len(calls))
	}
	return calls
}

func asMessageCall(c *parse.CommandNode) (templateCall, bool) {
	name, ok := c.Args[0].(*parse.IdentifierNode)
	if !ok || (name.Ident != "t" && name.Ident != "plain") || len(c.Args) < 2 {
		return templateCall{}, false
	}
	key, ok := c.Args[1].(*parse.StringNode)
	if !ok {
		return templateCall{}, false
	}
	call := templateCall{key: key.Text}
	for i := 2; i < len(c.Args); i += 2 {
		if arg, ok := c.Args[i].(*parse.StringNode); ok {
			call.args = append(call.args, "{"+arg.Text+"}")
		}
	}
	slices.Sort(call.args)
	return call, true
}

// walkCommands visits every command of a template, those in parentheses too.
func walkCommands(n parse.Node, visit func(*parse.CommandNode)) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				walkCommands(child, visit)
			}
		}
	case *parse.ActionNode:
		walkCommands(n.Pipe, visit)
	case *parse.TemplateNode:
		walkCommands(n.Pipe, visit)
	case *parse.IfNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.RangeNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.WithNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				walkCommands(c, visit)
			}
		}
	case *parse.CommandNode:
		visit(n)
		for _, arg := range n.Args {
			walkCommands(arg, visit)
		}
	case *parse.ChainNode:
		walkCommands(n.Node, visit)
	}
}

func walkBranch(b *parse.BranchNode, visit func(*parse.CommandNode)) {
	walkCommands(b.Pipe, visit)
	walkCommands(b.List, visit)
	walkCommands(b.ElseList, visit)
}

// goStrings lists the string literals of the package's own source.
func goStrings(t *testing.T) []string {
	t.Helper()
	var found []string
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					found = append(found, s)
				}
			}
			return true
		})
	}
	return found
}

func TestRichEscapesAndIsolatesNames(t *testing.T) {
	sp := newRenderer(t).speakers["en"]()
	got := string(sp.rich("continue_to", "app", "<Robot> {email} **x**"))
	if want := "to continue to <strong><bdi>&lt;Robot&gt; {email} **x**</bdi></strong>"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestPlainIsolatesNamesOfTheOtherDirection(t *testing.T) {
	re := newRenderer(t)
	if got, want := re.speakers["ar"]().plain("back_to", "app", "Robot"), "العودة إلى \u2068Robot\u2069"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := re.speakers["en"]().plain("back_to", "app", "مخبز"), "Go back to \u2068مخبز\u2069"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := re.speakers["en"]().plain("back_to", "app", "Robot"), "Go back to Robot"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPlurals(t *testing.T) {
	re := newRenderer(t)
	for _, c := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 1, "1 member"}, {"en", 0, "0 members"}, {"en", 1204, "1,204 members"},
		{"fr", 0, "0 membre"}, {"fr", 1, "1 membre"}, {"fr", 2, "2 membres"},
		{"vi", 1, "1 thành viên"}, {"vi", 12, "12 thành viên"},
		{"ar", 0, "لا أعضاء"}, {"ar", 1, "عضو واحد"}, {"ar", 2, "عضوان"}, {"ar", 3, "\u20683\u2069 أعضاء"}, {"ar", 11, "\u206811\u2069 عضوًا"}, {"ar", 100, "\u2068100\u2069 عضو"},
	} {
		if got := re.speakers[c.lang]().plain("accounts.members", "n", c.n); got != c.want {
			t.Errorf("%s %d: %q, want %q", c.lang, c.n, got, c.want)
		}
	}
}

func TestAMissingMessageShowsItsKeyAndBreaksNothing(t *testing.T) {
	if got := newRenderer(t).speakers["fr"]().plain("no.such.key"); got != "no.such.key" {
		t.Errorf("%q", got)
	}
	if _, err := parseMessages([]byte("a: [1]")); err == nil {
		t.Error("a message that is a list is no error")
	}
	if _, err := parseMessages([]byte("a: {one: 1}")); err == nil {
		t.Error("a form that is a number is no error")
	}
}

func TestFillWritesEachNameOnce(t *testing.T) {
	var english tongue
	word := func(v any) string { return fmt.Sprint(v) }
	for sentence, want := range map[string]string{
		"{app} can read {what}, {app}.": "{what} can read app, {what}.", // what was written is not looked at again
		"{nobody} {app":                 "{nobody} {app",
		"{{app}} {}":                    "{{what}} {}",
		"":                              "",
	} {
		if got := english.fill(sentence, []any{"app", "{what}", "what", "app"}, word); got != want {
			t.Errorf("%s: %s, want %s", sentence, got, want)
		}
	}
}

// problems lists every Problem.
func problems() []Problem {
	return []Problem{
		ProblemEmailMissing, ProblemEmailInvalid, ProblemPasswordMissing, ProblemPasswordShort, ProblemPasswordLong,
		ProblemPasswordCommon, ProblemPasswordPersonal, ProblemPasswordWrong, ProblemPasswordSame, ProblemNameMissing,
		ProblemNameLong, ProblemCodeMissing, ProblemCodeWrong, ProblemCodeExpired, ProblemAccountNameMissing,
		ProblemAccountNameLong, ProblemRoleMissing, ProblemAlreadyMember, ProblemLastOwner,
		ProblemUserCodeMissing, ProblemUserCodeWrong,
	}
}
