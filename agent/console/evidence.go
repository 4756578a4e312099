package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"
	"time"

	"xunjian/alerting"
	"xunjian/alerting/incident"
	"xunjian/alerting/text"
	"xunjian/checks"
	"xunjian/rules"
)

// snapshot is the evidence that was taken when an incident opened, as far as
// the page shows it.
type snapshot struct {
	TakenAt time.Time `json:"taken_at"`
	Values  []struct {
		Rule   string            `json:"rule"`
		Labels map[string]string `json:"labels"`
		Value  float64           `json:"value"`
	} `json:"values"`
	Charts []struct {
		Title  string         `json:"title"`
		Unit   string         `json:"unit"`
		Series []rules.Series `json:"series"`
	} `json:"charts"`
	Findings []struct {
		Check string `json:"check"`
		checks.Finding
	} `json:"findings"`
	Processes []processView `json:"processes"`
	Sockets   *struct {
		TCP       map[string]int `json:"tcp"`
		UDP       int            `json:"udp"`
		Listening []listener     `json:"listening"`
		Partial   bool           `json:"partial"`
	} `json:"sockets"`
	Mounts []struct {
		Device   string `json:"device"`
		Point    string `json:"mountpoint"`
		Type     string `json:"type"`
		Options  string `json:"options"`
		ReadOnly bool   `json:"readonly"`
	} `json:"mounts"`
	KernelLog []string `json:"kernel_log"`
	Exhibits  []struct {
		Check string `json:"check"`
		checks.Exhibit
	} `json:"exhibits"`
	Errors []string `json:"errors"`
}

type processView struct {
	PID     int     `json:"pid"`
	Name    string  `json:"name"`
	User    string  `json:"user"`
	State   string  `json:"state"`
	CPU     float64 `json:"cpu"`
	Memory  float64 `json:"memory_bytes"`
	Command string  `json:"command"`
}

type listener struct {
	Protocol    string `json:"protocol"`
	Address     string `json:"address"`
	Port        int    `json:"port"`
	Established int    `json:"established"`
	Queue       int    `json:"queue"`
	PID         int    `json:"pid"`
	Process     string `json:"process"`
}

// evidenceView is one snapshot, said.
type evidenceView struct {
	ID, SHA256, URL string
	Size            string
	Late            bool
	// Broken says why it cannot be shown, empty if it can.
	Broken    string
	Taken     moment
	Values    []evidenceValue
	Charts    []chartView
	Findings  []checkRow
	Processes []processView
	Sockets   []label
	Listening []listener
	Partial   bool
	Mounts    []mountView
	Kernel    string
	Exhibits  []exhibitView
	Errors    []string
}

// exhibitView is what a check saw when it looked closer.
type exhibitView struct {
	Title, Check string
	Columns      []string
	Rows         [][]string
	Text         string
}

type evidenceValue struct {
	Rule   string
	Labels []label
	Value  float64
}

type mountView struct {
	Device, Point, Type, Options string
	ReadOnly                     bool
}

// evidence reads what was kept of an incident. One that cannot be read is said
// so; the page stands.
func (r *request) evidence(i incident.Incident) []evidenceView {
	out := make([]evidenceView, 0, len(i.Evidence))
	for _, e := range i.Evidence {
		v := evidenceView{ID: e.ID, SHA256: e.SHA256, Late: e.Late, Size: text.Bytes(float64(e.Bytes)),
			URL: "/incidents/" + i.ID + "/evidence/" + e.ID}
		blob, err := r.c.opt.Desk.Evidence(r.Context(), e.ID)
		if err == nil {
			err = r.unfold(&v, blob, e)
		}
		if err != nil {
			r.c.opt.Logger.Error("show evidence", "evidence", e.ID, "err", err)
			v.Broken = r.T("console.evidence.broken")
		}
		out = append(out, v)
	}
	return out
}

// unfold says a snapshot. What was kept must be what the timeline vouches for.
func (r *request) unfold(v *evidenceView, blob alerting.Blob, e incident.EvidenceTaken) error {
	if sum := alerting.NewBlob(e.ID, blob.Body).SHA256; sum != e.SHA256 {
		return fmt.Errorf("its SHA-256 is %s, the timeline says %s", sum, e.SHA256)
	}
	var s snapshot
	if err := json.Unmarshal(blob.Body, &s); err != nil {
		return err
	}
	v.Taken = r.moment(s.TakenAt, r.now)
	for _, val := range s.Values {
		v.Values = append(v.Values, evidenceValue{val.Rule, labelsOf(val.Labels), val.Value})
	}
	for _, c := range s.Charts {
		v.Charts = append(v.Charts, newChart(c.Title, c.Unit, c.Series))
	}
	for _, f := range s.Findings {
		v.Findings = append(v.Findings, checkRow{
			checkChip: r.chip(f.Check, f.Verdict), Findings: r.findings([]checks.Finding{f.Finding}, 1),
		})
	}
	v.Processes, v.Kernel, v.Errors = s.Processes, strings.Join(s.KernelLog, "\n"), s.Errors
	for _, e := range s.Exhibits {
		v.Exhibits = append(v.Exhibits, exhibitView{r.Tm(e.Code, e.Args), e.Check, e.Columns, e.Rows, e.Text})
	}
	for _, m := range s.Mounts {
		v.Mounts = append(v.Mounts, mountView{m.Device, m.Point, m.Type, m.Options, m.ReadOnly})
	}
	if s.Sockets != nil {
		v.sockets(s.Sockets.TCP, s.Sockets.UDP)
		v.Listening, v.Partial = s.Sockets.Listening, s.Sockets.Partial
	}
	return nil
}

// sockets lists the connections by state, the most frequent first.
func (v *evidenceView) sockets(tcp map[string]int, udp int) {
	for _, name := range slices.SortedFunc(maps.Keys(tcp), func(a, b string) int {
		return cmp.Or(cmp.Compare(tcp[b], tcp[a]), cmp.Compare(a, b))
	}) {
		v.Sockets = append(v.Sockets, label{"TCP " + name, text.Number(float64(tcp[name]))})
	}
	v.Sockets = append(v.Sockets, label{"UDP", text.Number(float64(udp))})
}

// downloadEvidence hands out a snapshot as it was hashed.
func downloadEvidence(r *request) error {
	i, _, err := r.c.opt.Desk.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	eid := r.PathValue("eid")
	if !slices.ContainsFunc(i.Evidence, func(e incident.EvidenceTaken) bool { return e.ID == eid }) {
		return errNotFound
	}
	blob, err := r.c.opt.Desk.Evidence(r.Context(), eid)
	if err != nil {
		return err
	}
	h := r.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": eid + ".json"}))
	_, err = r.w.Write(blob.Body)
	return err
}
