package checks

// What is told of each check beside what it measured.
var (
	descDuration = NewDesc("xunjian_check_duration_seconds", Gauge,
		"How long the last run of the check took; for a hung one, how long it has been waited for.", "check")
	descSuccess = NewDesc("xunjian_check_success", Gauge,
		"Whether the last run of the check could look, whatever it saw.", "check")
	descLastSuccess = NewDesc("xunjian_check_last_success_timestamp_seconds", Gauge,
		"When the last run of the check was due that could look.", "check")
	descVerdict = NewDesc("xunjian_check_verdict", Gauge,
		"What the check came to: 0 ok, 1 attention, 2 abnormal, 3 unknown.", "check")
	descSeries = NewDesc("xunjian_check_series", Gauge,
		"How many series the last run of the check measured.", "check")
	descDropped = NewDesc("xunjian_check_series_dropped_total", Counter,
		"How many series and findings of the check were dropped because they were over its limit.", "check")
	descFinding = NewDesc("xunjian_finding_verdict", Gauge,
		"What a finding of the check comes to: 0 ok, 1 attention, 2 abnormal, 3 unknown.", "check", "subject", "code")
)

// Describe returns the results with series about the checks themselves added
// to their samples: duration, success, verdict, findings. They derive from
// results alone, so that whoever appends results or exposes them calls it, and
// no check has to look at the others. The results given stay as they are.
func Describe(results []Result) []Result {
	out := make([]Result, len(results))
	for i, res := range results {
		if !res.Retired {
			res.Samples = describe(res)
		}
		out[i] = res
	}
	return out
}

func describe(res Result) []Sample {
	name := []string{res.Check}
	list := make([]Sample, 0, len(res.Samples)+6+len(res.Findings))
	list = append(list, res.Samples...)
	add := func(d *Desc, v float64) { list = append(list, Sample{Desc: d, Values: name, Value: v}) }
	add(descDuration, res.Duration.Seconds())
	add(descSuccess, truth(res.Success()))
	if !res.LastSuccess.IsZero() {
		add(descLastSuccess, float64(res.LastSuccess.UnixMilli())/1000)
	}
	add(descVerdict, float64(res.Verdict.Code()))
	add(descSeries, float64(len(res.Samples)))
	add(descDropped, float64(res.DroppedTotal))
	return append(list, describeFindings(res)...)
}

// describeFindings says the worst verdict for each subject and code.
func describeFindings(res Result) []Sample {
	type key struct{ subject, code string }
	worst := make(map[key]int, len(res.Findings))
	list := make([]Sample, 0, len(res.Findings))
	verdicts := make([]Verdict, 0, len(res.Findings))
	for _, f := range res.Findings {
		if f.Verdict == NotApplicable {
			continue
		}
		k := key{f.Subject, f.Code}
		n, known := worst[k]
		if !known {
			worst[k] = len(list)
			list = append(list, Sample{Desc: descFinding, Values: []string{res.Check, f.Subject, f.Code}, Value: float64(f.Verdict.Code())})
			verdicts = append(verdicts, f.Verdict)
		} else if f.Verdict.Worse(verdicts[n]) {
			list[n].Value, verdicts[n] = float64(f.Verdict.Code()), f.Verdict
		}
	}
	return list
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
