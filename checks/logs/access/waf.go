package access

import (
	"fmt"
	"strings"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/types"
)

// directives take from the OWASP Core Rule Set what can be told from an access
// record: the attacks in target, query, agent and referer. The bodies are not
// in it, and how well-formed the protocol was matters less.
const directives = `
SecRuleEngine DetectionOnly
SecRequestBodyAccess Off
SecResponseBodyAccess Off
SecAuditEngine Off
Include @crs-setup.conf.example
Include @owasp_crs/REQUEST-901-INITIALIZATION.conf
Include @owasp_crs/REQUEST-913-SCANNER-DETECTION.conf
Include @owasp_crs/REQUEST-930-APPLICATION-ATTACK-LFI.conf
Include @owasp_crs/REQUEST-931-APPLICATION-ATTACK-RFI.conf
Include @owasp_crs/REQUEST-932-APPLICATION-ATTACK-RCE.conf
Include @owasp_crs/REQUEST-933-APPLICATION-ATTACK-PHP.conf
Include @owasp_crs/REQUEST-934-APPLICATION-ATTACK-GENERIC.conf
Include @owasp_crs/REQUEST-941-APPLICATION-ATTACK-XSS.conf
Include @owasp_crs/REQUEST-942-APPLICATION-ATTACK-SQLI.conf
Include @owasp_crs/REQUEST-944-APPLICATION-ATTACK-JAVA.conf
`

// newWAF builds the one instance of the rule set: about 170 ms and 20 MiB.
func newWAF() (coraza.WAF, error) {
	w, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(directives))
	if err != nil {
		return nil, fmt.Errorf("build the rules for attacks: %w", err)
	}
	return w, nil
}

// Attack is what a request tries.
type Attack struct {
	// Class is "sql", "xss", "traversal", "inclusion", "command", "php",
	// "java", "scanner", "webshell" or "other".
	Class string `json:"class"`
	// Rule is the rule of the Core Rule Set that saw it; 0 is one of ours.
	Rule int    `json:"rule,omitempty"`
	Says string `json:"says"`
	// Data is what it saw, decoded.
	Data string `json:"data"`
}

// classes tell the class by the tags of the rules, the gravest first.
var classes = []struct{ tag, class string }{
	{"attack-rce", "command"}, {"attack-sqli", "sql"}, {"attack-injection-php", "php"}, {"attack-injection-java", "java"}, {"attack-rfi", "inclusion"},
	{"attack-lfi", "traversal"}, {"attack-xss", "xss"}, {"attack-ssrf", "inclusion"}, {"attack-reputation-scanner", "scanner"}, {"attack-generic", "other"}, {"attack-", "other"},
}

const (
	maxInput = 8 << 10 // bytes of a target that are judged
	maxData  = 400
)

// judge lets the rule set look at a request. It returns nil for an ordinary
// one.
func judge(w coraza.WAF, e *Entry) *Attack {
	tx := w.NewTransaction()
	defer tx.Close()
	tx.ProcessConnection("192.0.2.1", 1024, "192.0.2.2", 80)
	m := string(e.Method)
	if m == "" {
		m = "GET"
	}
	target := string(limit(unescape(e.Target), maxInput))
	if len(e.Query) > 0 {
		target += "?" + string(limit(unescape(e.Query), maxInput))
	}
	tx.ProcessURI(target, m, "HTTP/1.1")
	tx.AddRequestHeader("Host", "localhost")
	tx.AddRequestHeader("Accept", "*/*")
	if len(e.Agent) > 0 {
		tx.AddRequestHeader("User-Agent", string(limit(unescape(e.Agent), 1<<10)))
	}
	if len(e.Referer) > 0 {
		tx.AddRequestHeader("Referer", string(limit(unescape(e.Referer), 2<<10)))
	}
	tx.ProcessRequestHeaders()
	if _, err := tx.ProcessRequestBody(); err != nil {
		return nil
	}
	if a := worst(tx.MatchedRules()); a != nil {
		return a
	}
	return ours(e)
}

func limit(b []byte, n int) []byte { return b[:min(len(b), n)] }

// worst tells the gravest of what the rules saw.
func worst(matched []types.MatchedRule) *Attack {
	var out *Attack
	rank := len(classes)
	for _, m := range matched {
		r := m.Rule()
		if weak[r.ID()] && !hasOdd(m.MatchedDatas()) {
			continue
		}
		if r.Severity() > types.RuleSeverityCritical || m.Message() == "" {
			continue
		}
		n := rankOf(r.Tags())
		if n >= rank {
			continue
		}
		rank = n
		out = &Attack{Class: classes[n].class, Rule: r.ID(), Says: m.Message()}
		for _, d := range m.MatchedDatas() {
			if v := d.Value(); v != "" {
				out.Data = shown([]byte(v), maxData)
				break
			}
		}
	}
	return out
}

// weak are rules that see a command in the first word of a parameter; people
// look for words that are commands. With nothing of a shell beside them they
// say nothing.
var weak = map[int]bool{932250: true, 932260: true, 932340: true}

func hasOdd(list []types.MatchData) bool {
	for _, d := range list {
		if strings.ContainsAny(d.Value(), "|&;`$<>(){}\\/\n") {
			return true
		}
	}
	return false
}

func rankOf(tags []string) int {
	best := len(classes)
	for _, t := range tags {
		for n, c := range classes[:best] {
			if strings.HasPrefix(t, c.tag) {
				best = n
				break
			}
		}
	}
	return best
}
