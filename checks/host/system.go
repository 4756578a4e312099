package host

import (
	"context"
	"strings"

	"xunjian/checks"
)

var (
	unameInfo = checks.NewDesc("node_uname_info", checks.Gauge, "What uname says of the machine; always 1.",
		"sysname", "release", "version", "machine", "nodename", "domainname")
	osInfo    = checks.NewDesc("node_os_info", checks.Gauge, "What os-release says of the system; always 1.", osReleaseLabels()...)
	osVersion = checks.NewDesc("node_os_version", checks.Gauge, "Version of the system as a number, major.minor.", "id", "id_like", "name")
)

// osReleaseKeys are the keys of os-release that are shown, as labels in lower
// case.
var osReleaseKeys = [...]string{"BUILD_ID", "ID", "ID_LIKE", "IMAGE_ID", "IMAGE_VERSION", "NAME", "PRETTY_NAME",
	"VARIANT", "VARIANT_ID", "VERSION", "VERSION_CODENAME", "VERSION_ID"}

func osReleaseLabels() []string {
	labels := make([]string, len(osReleaseKeys))
	for i, key := range osReleaseKeys {
		labels[i] = strings.ToLower(key)
	}
	return labels
}

// systemLook is what one look at the system's names sees.
type systemLook struct {
	// uname holds the label values of node_uname_info.
	uname [6]string
	// release holds the keys of os-release.
	release map[string]string
}

// systemCheck says which machine this is and what it runs.
type systemCheck struct {
	configured
	read func() (systemLook, error)
}

func (c *systemCheck) Name() string { return "system" }

// Schedule is slow: names change when a person changes them.
func (c *systemCheck) Schedule() checks.Schedule { return checks.Schedule{Interval: 2 * slow} }

func (c *systemCheck) Run(_ context.Context, out *checks.Output) error {
	l, err := c.read()
	if err != nil {
		return err
	}
	out.Set(unameInfo, 1, l.uname[:]...)
	if len(l.release) > 0 {
		values := make([]string, len(osReleaseKeys))
		for i, key := range osReleaseKeys {
			values[i] = l.release[key]
		}
		out.Set(osInfo, 1, values...)
		if v, ok := majorMinor(l.release["VERSION_ID"]); ok {
			out.Set(osVersion, v, l.release["ID"], l.release["ID_LIKE"], l.release["NAME"])
		}
	}
	out.Find(checks.Finding{Code: "system.names", Verdict: checks.OK, Args: map[string]any{
		"host": l.uname[4], "os": l.release["PRETTY_NAME"], "kernel": l.uname[0] + " " + l.uname[1], "machine": l.uname[3],
	}})
	return nil
}

// majorMinor reads the number at the start of a version: 7.9 of "7.9.2009".
func majorMinor(version string) (float64, bool) {
	end, dots := 0, 0
	for ; end < len(version); end++ {
		c := version[end]
		if c == '.' {
			dots++
		}
		if dots > 1 || c != '.' && (c < '0' || c > '9') {
			break
		}
	}
	v, ok := float([]byte(version[:end]))
	return v, ok && v > 0
}

// parseRelease reads the lines KEY=value of os-release; values may stand in
// quotes, with a backslash before what is special to a shell.
func parseRelease(text string) map[string]string {
	keys := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(key, "#") {
			keys[key] = unquote(value)
		}
	}
	return keys
}

func unquote(s string) string {
	if len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\'' {
		return s[1 : len(s)-1]
	}
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\$`, `$`, "\\`", "`").Replace(s[1 : len(s)-1])
}
