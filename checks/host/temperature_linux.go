package host

import (
	"context"
	"regexp"
	"strings"
	"time"

	"xunjian/checks"
)

var (
	zoneTemp = checks.NewDesc("node_thermal_zone_temp", checks.Gauge, "Temperature of the thermal zone in degrees Celsius.", "zone", "type")
	chipName = checks.NewDesc("node_hwmon_chip_names", checks.Gauge, "Name of the chip for people; always 1.", "chip", "chip_name")
	sensorOf = checks.NewDesc("node_hwmon_sensor_label", checks.Gauge, "Name of the sensor for people; always 1.", "chip", "sensor", "label")
)

// temperatureCheck looks at the sensors of the hardware: temperatures, and
// fans, which tell why.
type temperatureCheck struct {
	configured
	reader
	class   string
	ignored *regexp.Regexp
}

func newTemperature(cfg Config) *temperatureCheck {
	return &temperatureCheck{class: cfg.Sysfs + "/class/", ignored: pattern(cfg.Temperature.IgnoredSensors)}
}

func (c *temperatureCheck) Name() string { return "temperature" }

// Schedule is slow: some sensors take milliseconds to answer.
func (c *temperatureCheck) Schedule() checks.Schedule { return checks.Schedule{Interval: slow} }

// temperature is what one sensor says.
type temperature struct {
	sensor           string
	celsius, limit   float64
	limited, alarmed bool
	measured, broken bool
}

func (c *temperatureCheck) Run(ctx context.Context, out *checks.Output) error {
	found := c.zones(out)
	for _, chip := range c.chips() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		found = append(found, c.chip(out, chip)...)
	}
	if len(found) == 0 {
		return missing("temperature sensor in " + c.class + "hwmon or " + c.class + "thermal")
	}
	hottest := found[0]
	for _, t := range found {
		if t.celsius > hottest.celsius {
			hottest = t
		}
		if t.alarmed || t.limited && t.celsius >= t.limit {
			out.Find(checks.Finding{Subject: t.sensor, Code: "temperature.critical", Verdict: checks.Abnormal,
				Args: map[string]any{"sensor": t.sensor, "celsius": t.celsius, "limit": t.limit}})
		}
	}
	out.Find(checks.Finding{Code: "temperature.highest", Verdict: checks.OK,
		Args: map[string]any{"sensor": hottest.sensor, "celsius": hottest.celsius, "sensors": len(found)}})
	return nil
}

// zones reads the thermal zones and their critical trip points.
func (c *temperatureCheck) zones(out *checks.Output) (found []temperature) {
	const prefix = "thermal_zone"
	for _, dir := range entries(c.class+"thermal", prefix) {
		folder := c.class + "thermal/" + dir + "/"
		kind := c.text(folder + "type")
		milli, ok := c.value(folder + "temp")
		if !ok || c.ignored.MatchString(dir+";"+kind) {
			continue
		}
		out.Set(zoneTemp, milli/1000, dir[len(prefix):], kind)
		t := temperature{sensor: dir + " " + kind, celsius: milli / 1000, measured: true}
		t.limit, t.limited = c.criticalTrip(folder)
		found = append(found, t)
	}
	return found
}

// criticalTrip returns the temperature at which a zone shuts the machine down.
func (c *temperatureCheck) criticalTrip(folder string) (float64, bool) {
	for _, f := range entries(folder, "trip_point_") {
		number, ok := strings.CutSuffix(f, "_type")
		if ok && c.text(folder+f) == "critical" {
			milli, ok := c.value(folder + number + "_temp")
			return milli / 1000, ok && milli > 0
		}
	}
	return 0, false
}

// slowSensor bounds what one chip may cost before the rest of it is left for
// the next look.
const slowSensor = 2 * time.Second
