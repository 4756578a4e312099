package host

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"xunjian/checks"
)

// The state of the clock that adjtimex returns when nobody synchronises it,
// and the status bit that says that times are in nanoseconds.
const (
	timeError = 5
	staNano   = 0x2000
)

// scaledPPM is the unit of frequencies: parts per million with 16 bits of
// fraction.
const scaledPPM = 1e6 * 65536

// timexFamilies are the families and the figure each shows. unit is what times
// in micro- or nanoseconds are divided by.
var timexFamilies = [...]struct {
	desc  *checks.Desc
	value func(t *unix.Timex, unit float64) float64
}{
	{timexGauge("offset_seconds", "Time the clock is off its source."), func(t *unix.Timex, unit float64) float64 { return float64(t.Offset) / unit }},
	{timexGauge("frequency_adjustment_ratio", "Factor the clock's frequency is adjusted by."), func(t *unix.Timex, _ float64) float64 { return 1 + float64(t.Freq)/scaledPPM }},
	{timexGauge("maxerror_seconds", "Greatest error of the clock."), func(t *unix.Timex, _ float64) float64 { return float64(t.Maxerror) / 1e6 }},
	{timexGauge("estimated_error_seconds", "Estimated error of the clock."), func(t *unix.Timex, _ float64) float64 { return float64(t.Esterror) / 1e6 }},
	{timexGauge("status", "Status bits of the clock."), func(t *unix.Timex, _ float64) float64 { return float64(t.Status) }},
	{timexGauge("loop_time_constant", "Time constant of the phase-locked loop."), func(t *unix.Timex, _ float64) float64 { return float64(t.Constant) }},
	{timexGauge("tick_seconds", "Time between two clock ticks."), func(t *unix.Timex, _ float64) float64 { return float64(t.Tick) / 1e6 }},
	{timexGauge("pps_frequency_hertz", "Frequency of the pulse per second."), func(t *unix.Timex, _ float64) float64 { return float64(t.Ppsfreq) / scaledPPM }},
	{timexGauge("pps_jitter_seconds", "Jitter of the pulse per second."), func(t *unix.Timex, unit float64) float64 { return float64(t.Jitter) / unit }},
	{timexGauge("pps_shift_seconds", "Interval of the pulse per second."), func(t *unix.Timex, _ float64) float64 { return float64(t.Shift) }},
	{timexGauge("pps_stability_hertz", "Stability of the pulse per second."), func(t *unix.Timex, _ float64) float64 { return float64(t.Stabil) / scaledPPM }},
	{timexCounter("pps_jitter_total", "How often the jitter of the pulse per second was over its limit."), func(t *unix.Timex, _ float64) float64 { return float64(t.Jitcnt) }},
	{timexCounter("pps_calibration_total", "Calibrations by the pulse per second."), func(t *unix.Timex, _ float64) float64 { return float64(t.Calcnt) }},
	{timexCounter("pps_error_total", "Calibrations by the pulse per second that failed."), func(t *unix.Timex, _ float64) float64 { return float64(t.Errcnt) }},
	{timexCounter("pps_stability_exceeded_total", "How often the stability of the pulse per second was over its limit."), func(t *unix.Timex, _ float64) float64 { return float64(t.Stbcnt) }},
	{timexGauge("tai_offset_seconds", "Atomic time (TAI) less the clock."), func(t *unix.Timex, _ float64) float64 { return float64(t.Tai) }},
}

var timexSync = timexGauge("sync_status", "1 if the clock is synchronised to a source.")

func timexGauge(name, help string) *checks.Desc {
	return checks.NewDesc("node_timex_"+name, checks.Gauge, help)
}

func timexCounter(name, help string) *checks.Desc {
	return checks.NewDesc("node_timex_"+name, checks.Counter, help)
}

// timesyncCheck asks the kernel how well its clock is kept.
type timesyncCheck struct {
	configured
	adjtimex func(*unix.Timex) (state int, err error)
}

func (c *timesyncCheck) Name() string { return "timesync" }

func (c *timesyncCheck) Run(_ context.Context, out *checks.Output) error {
	var t unix.Timex // with no mode set it only asks
	state, err := c.adjtimex(&t)
	if err != nil {
		return fmt.Errorf("ask adjtimex: %w", err)
	}
	unit := 1e6
	if t.Status&staNano != 0 {
		unit = 1e9
	}
	for _, f := range timexFamilies {
		out.Set(f.desc, f.value(&t, unit))
	}
	synced := state != timeError
	out.Set(timexSync, bit(synced))
	f := checks.Finding{Code: "timesync.synchronised", Verdict: checks.OK, Args: map[string]any{
		"offset_ms": float64(t.Offset) / unit * 1000, "max_error": float64(t.Maxerror) / 1e6,
	}}
	if !synced {
		f.Code, f.Verdict = "timesync.unsynchronised", checks.Attention
	}
	out.Find(f)
	return nil
}
