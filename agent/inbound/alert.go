package inbound

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/plan"
)

// The bounds of what comes in.
const (
	maxBody       = 4 << 20
	maxAlerts     = 10_000 // of a request, and going on of a source
	maxPairs      = 64     // labels, and as many annotations
	maxName       = 128    // bytes
	maxValue      = 4 << 10
	maxIdentifier = 200
	maxDepth      = 8 // to which a wrong text is looked for
)

// keyPrefix begins the key of every alert from outside, and of nothing else.
const keyPrefix = "ext/"

// Owns reports whether an alert of the desk came from outside; the others are
// the rule engine's.
func Owns(key string) bool { return strings.HasPrefix(key, keyPrefix) }

// alert is one that came in, in whichever form.
type alert struct {
	// id tells it from the others of its source; empty: the labels do.
	id          string
	status      alerting.Status // Firing or Ended
	labels      map[string]string
	annotations map[string]string
	starts      time.Time // zero: not said
	ends        time.Time // of an ended one; zero: not said
	until       time.Time // holds so long without a renewal; zero: for good
}

// refusal is why a request is not taken.
type refusal struct {
	status int // HTTP
	alert  int // index, -1 for the request
	field  string
	text   string
}

func (r *refusal) Error() string {
	out := r.text
	if r.field != "" {
		out = r.field + ": " + out
	}
	if r.alert >= 0 {
		out = fmt.Sprintf("alert %d: %s", r.alert, out)
	}
	return out
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, alert: -1, text: fmt.Sprintf(format, args...)}
}

func badField(index int, field, format string, args ...any) *refusal {
	return &refusal{status: 400, alert: index, field: field, text: fmt.Sprintf(format, args...)}
}

// check bounds the alert and drops what is empty, as Alertmanager does.
func (a *alert) check(index int) *refusal {
	maps.DeleteFunc(a.labels, func(_, v string) bool { return v == "" })
	maps.DeleteFunc(a.annotations, func(_, v string) bool { return v == "" })
	if len(a.labels) == 0 {
		return badField(index, "labels", "empty; at least one is needed")
	}
	if bad := checkNames(index, "labels", a.labels); bad != nil {
		return bad
	}
	if bad := checkNames(index, "annotations", a.annotations); bad != nil {
		return bad
	}
	for _, name := range slices.Sorted(maps.Keys(a.labels)) {
		if n := len(a.labels[name]); n > maxValue {
			return badField(index, "labels."+name, "%d bytes; allowed: at most %d", n, maxValue)
		}
	}
	if a.status == alerting.Ended && !a.ends.IsZero() && !a.starts.IsZero() && a.ends.Before(a.starts) {
		return badField(index, "endsAt", "before startsAt")
	}
	return nil
}

func checkNames(index int, field string, m map[string]string) *refusal {
	if len(m) > maxPairs {
		return badField(index, field, "%d of them; allowed: at most %d", len(m), maxPairs)
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		switch {
		case name == "" || len(name) > maxName:
			return badField(index, field, "a name of %d bytes; allowed: 1 to %d", len(name), maxName)
		case strings.ContainsFunc(name, unicode.IsControl):
			return badField(index, field, "the name %q has a control character", name)
		}
	}
	return nil
}

// fingerprint is the alert's identity within its source.
func (a *alert) fingerprint() string {
	h := sha256.New()
	if a.id != "" {
		fmt.Fprintf(h, "id\x00%s", a.id)
	} else {
		for _, name := range slices.Sorted(maps.Keys(a.labels)) {
			fmt.Fprintf(h, "%d:%s%d:%s", len(name), name, len(a.labels[name]), a.labels[name])
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func alertKey(source string, a *alert) string { return keyPrefix + source + "/" + a.fingerprint() }

// mapping is a compiled line of Map.
type mapping struct {
	match []*labels.Matcher
	set   map[string]string
}

func matcher(s string) (*labels.Matcher, error) {
	if m, err := parse.Matcher(s); err == nil {
		return m, nil
	}
	return labels.ParseMatcher(s)
}

func matches(ms []*labels.Matcher, have map[string]string) bool {
	return !slices.ContainsFunc(ms, func(m *labels.Matcher) bool { return !m.Matches(have[m.Name]) })
}

// words are the labels by which rules speak to the desk, and whether a value
// from outside is one of theirs.
func words(p *plan.Plan) map[string]func(string) bool {
	return map[string]func(string) bool{
		"code":     func(v string) bool { _, ok := p.Category(v); return ok },
		"scenario": func(v string) bool { _, ok := p.Scenario(v); return ok },
		"kind":     func(v string) bool { return v == KindIncident || v == KindWarning },
		"resolve":  func(v string) bool { return v == incident.ResolveAuto || v == incident.ResolveManual },
		"level":    func(v string) bool { return plan.Level(v).Valid() },
	}
}

// classify says in the desk's labels what an alert means. What it says in
// those labels and the plan does not know keeps its value under exported_, as
// a scrape renames a label. matched is false if nobody gave it a meaning.
func classify(source string, have map[string]string, lines []mapping, p *plan.Plan) (out map[string]string, matched bool) {
	out = maps.Clone(have)
	for name, known := range words(p) {
		if v, ok := out[name]; ok && !known(v) {
			export(out, name)
		}
	}
	if v, ok := out["incident"]; ok {
		// It groups the alerts of its source, and joins none of ours.
		if len(v) > maxIdentifier {
			sum := sha256.Sum256([]byte(v))
			v = hex.EncodeToString(sum[:16])
		}
		out["incident"] = keyPrefix + source + "/" + v
	}
	if out["code"] != "" {
		if out["kind"] == "" {
			out["kind"] = KindIncident
		}
		return clean(out, false), true
	}
	for _, line := range lines {
		if !matches(line.match, have) {
			continue
		}
		delete(out, "kind")
		maps.Copy(out, line.set)
		if out["kind"] == "" {
			out["kind"] = KindWarning
			if out["code"] != "" {
				out["kind"] = KindIncident
			}
		}
		return clean(out, false), true
	}
	out["kind"] = KindWarning
	return clean(out, false), false
}

func export(m map[string]string, name string) {
	v := m[name]
	delete(m, name)
	for name = "exported_" + name; m[name] != ""; name = "exported_" + name {
	}
	m[name] = v
}

// clean takes control characters out of values, but for the ends of lines in
// texts, and bounds them.
func clean(m map[string]string, lines bool) map[string]string {
	for name, v := range m {
		m[name] = cut(strings.Map(func(r rune) rune {
			if unicode.IsControl(r) && !(lines && (r == '\n' || r == '\t')) || r == '\u2028' || r == '\u2029' {
				return ' '
			}
			return r
		}, v), maxValue)
	}
	return m
}

// cut is s as text of at most n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// rule is the name that the desk knows the alert's rule by; never one of ours.
func rule(source string, labels map[string]string) string {
	name := labels["alertname"]
	if name == "" {
		name = "alert"
	}
	return source + "/" + cut(clean(map[string]string{"": name}, false)[""], maxIdentifier)
}

// texts are the annotations as the desk keeps them.
func (a *alert) texts() map[string]string {
	out := maps.Clone(a.annotations)
	if out == nil {
		out = map[string]string{}
	}
	if out["summary"] == "" {
		out["summary"] = a.labels["alertname"]
	}
	if out["summary"] == "" {
		delete(out, "summary")
	}
	return clean(out, true)
}

// digest tells whether an alert says the same as before.
func digest(labels, annotations map[string]string) [32]byte {
	b, _ := json.Marshal([]map[string]string{labels, annotations})
	return sha256.Sum256(b)
}

// untilBasis is how the end of an alert's validity is kept with it: the desk
// keeps a list of texts for whoever judges an alert, and here that is its
// source.
const untilBasis = "until "

func basis(until time.Time) []string {
	if until.IsZero() {
		return []string{untilBasis + "ended"}
	}
	return []string{untilBasis + until.UTC().Format(time.RFC3339Nano)}
}

// keptUntil reads basis; ok is false if it says nothing.
func keptUntil(basis []string) (until time.Time, ok bool) {
	for _, s := range basis {
		if said, found := strings.CutPrefix(s, untilBasis); found {
			if said == "ended" {
				return time.Time{}, true
			}
			if t, err := time.Parse(time.RFC3339Nano, said); err == nil {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// invalidText finds the first text of a JSON document that is not UTF-8; it is
// called only when there is one.
func invalidText(raw []byte) *refusal {
	out := &refusal{status: 400, alert: -1}
	var field strings.Builder
	for range maxDepth { // each level is read again
		var list []json.RawMessage
		var object map[string]json.RawMessage
		next := json.RawMessage(nil)
		if json.Unmarshal(raw, &list) == nil {
			if i := slices.IndexFunc(list, bad); i >= 0 {
				next = list[i]
				if out.alert < 0 {
					out.alert = i
					field.Reset()
				} else {
					field.WriteString("[" + strconv.Itoa(i) + "]")
				}
			}
		} else if json.Unmarshal(raw, &object) == nil {
			for _, name := range slices.Sorted(maps.Keys(object)) {
				if bad(object[name]) {
					next = object[name]
					if field.Len() > 0 {
						field.WriteString(".")
					}
					field.WriteString(cut(name, maxName))
					break
				}
			}
		}
		if next == nil {
			break
		}
		raw = next
	}
	out.field, out.text = field.String(), "not valid UTF-8 (it may be GBK); send JSON in UTF-8"
	return out
}

func bad(raw json.RawMessage) bool { return !utf8.Valid(raw) }
