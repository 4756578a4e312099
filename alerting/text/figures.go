package text

import (
	"fmt"
	"math"
	"strconv"
	ttemplate "text/template"
	"time"
)

// figures are the functions that message templates can use:
//
//	percent 0.123  → 12.3 %      bytes 1536 → 1.5 KiB
//	dur 3725       → 1 h 2 min   (seconds; in Chinese 1 小时 2 分)
//	num 1234.5     → 1234.5      clock t → 2006-01-02 15:04:05 (in the zone)
func (p *Printer) figures() ttemplate.FuncMap {
	return ttemplate.FuncMap{
		"percent": func(v any) string { return Percent(number(v)) },
		"bytes":   func(v any) string { return Bytes(number(v)) },
		"num":     func(v any) string { return Number(number(v)) },
		"dur":     func(v any) string { return p.Duration(seconds(v)) },
		"clock":   func(t time.Time) string { return p.Clock(t) },
	}
}

func number(v any) float64 {
	switch n := v.(type) {
	case float64:
		return n
	case int:
		return float64(n)
	case int64:
		return float64(n)
	case uint64:
		return float64(n)
	}
	return math.NaN()
}

func seconds(v any) time.Duration {
	if d, ok := v.(time.Duration); ok {
		return d
	}
	s := number(v)
	if math.IsNaN(s) || math.Abs(s) > math.MaxInt64/1e9 {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

// Percent writes a ratio of 1 as a percentage with one decimal.
func Percent(ratio float64) string {
	if math.IsNaN(ratio) {
		return "–"
	}
	return strconv.FormatFloat(ratio*100, 'f', 1, 64) + " %"
}

// Bytes writes a number of bytes with a binary prefix.
func Bytes(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i := 0
	for math.Abs(v) >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%.0f B", v)
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}

// Number writes a figure with at most three decimals and no trailing zeros.
func Number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'g', -1, 64)
	case v != 0 && math.Abs(v) < 0.001:
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return strconv.FormatFloat(math.Round(v*1000)/1000, 'f', -1, 64)
}

// Duration writes d in its two largest units.
func (p *Printer) Duration(d time.Duration) string {
	units := [...]string{"d", "h", "min", "s"}
	sep := " "
	if p.lang == ZH {
		units = [...]string{"天", "小时", "分", "秒"}
	}
	sign := ""
	if d < 0 {
		sign, d = "−", -d
	}
	if d < time.Second {
		if p.lang == ZH {
			return fmt.Sprintf("%s%d 毫秒", sign, d.Milliseconds())
		}
		return fmt.Sprintf("%s%d ms", sign, d.Milliseconds())
	}
	sizes := [...]time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second}
	out := ""
	for i, size := range sizes {
		n := d / size
		if n == 0 {
			if out != "" {
				break
			}
			continue
		}
		d -= n * size
		if out != "" {
			return sign + out + sep + strconv.FormatInt(int64(n), 10) + " " + units[i]
		}
		out = strconv.FormatInt(int64(n), 10) + " " + units[i]
	}
	return sign + out
}

// Clock writes t to the second in the configured zone.
func (p *Printer) Clock(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(p.loc).Format("2006-01-02 15:04:05")
}
