package host

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"xunjian/checks"
)

// hwmonFile splits the name of a sensor's file, such as temp1_crit_alarm.
var hwmonFile = regexp.MustCompile(`^((temp|fan)[0-9]+)_(.+)$`)

func hwmonDesc(name, help string) *checks.Desc {
	return checks.NewDesc("node_hwmon_"+name, checks.Gauge, help, "chip", "sensor")
}

// hwmonFamilies are the properties of sensors that are shown, by the kind of
// sensor and the end of the file's name, with their unit. The alarms of a
// limit are in "celsius" because node_exporter has them so.
var hwmonFamilies = map[string]struct {
	desc *checks.Desc
	unit float64
}{
	"temp_input":      {hwmonDesc("temp_celsius", "Temperature in degrees Celsius."), 0.001},
	"temp_min":        {hwmonDesc("temp_min_celsius", "Lower limit of the temperature."), 0.001},
	"temp_max":        {hwmonDesc("temp_max_celsius", "Upper limit of the temperature."), 0.001},
	"temp_max_hyst":   {hwmonDesc("temp_max_hyst_celsius", "Temperature at which the upper limit counts as kept again."), 0.001},
	"temp_crit":       {hwmonDesc("temp_crit_celsius", "Critical limit of the temperature."), 0.001},
	"temp_crit_hyst":  {hwmonDesc("temp_crit_hyst_celsius", "Temperature at which the critical limit counts as kept again."), 0.001},
	"temp_emergency":  {hwmonDesc("temp_emergency_celsius", "Emergency limit of the temperature, over the critical one."), 0.001},
	"temp_min_alarm":  {hwmonDesc("temp_min_alarm_celsius", "0.001 while the temperature is under its lower limit."), 0.001},
	"temp_max_alarm":  {hwmonDesc("temp_max_alarm_celsius", "0.001 while the temperature is over its upper limit."), 0.001},
	"temp_crit_alarm": {hwmonDesc("temp_crit_alarm_celsius", "0.001 while the temperature is over its critical limit."), 0.001},
	"temp_alarm":      {hwmonDesc("temp_alarm", "1 while the chip raises an alarm for the sensor."), 1},
	"temp_fault":      {hwmonDesc("temp_fault", "1 while the sensor is broken."), 1},
	"fan_input":       {hwmonDesc("fan_rpm", "Revolutions of the fan in a minute."), 1},
	"fan_min":         {hwmonDesc("fan_min_rpm", "Lower limit of the revolutions in a minute."), 1},
	"fan_max":         {hwmonDesc("fan_max_rpm", "Upper limit of the revolutions in a minute."), 1},
	"fan_target":      {hwmonDesc("fan_target_rpm", "Revolutions in a minute that are aimed at."), 1},
	"fan_alarm":       {hwmonDesc("fan_alarm", "1 while the chip raises an alarm for the fan."), 1},
	"fan_fault":       {hwmonDesc("fan_fault", "1 while the fan is broken."), 1},
}

// hwmonChip is a folder of /sys/class/hwmon under the name it is known by.
type hwmonChip struct{ folder, label, name string }

// chips names the chips. The number of a folder depends on the order in which
// modules were loaded, so that a chip is called by its device, then by its
// name; chips that share a device are told apart.
func (c *temperatureCheck) chips() []hwmonChip {
	var list []hwmonChip
	same := map[string]int{}
	for _, dir := range entries(c.class+"hwmon", "hwmon") {
		chip := hwmonChip{folder: c.class + "hwmon/" + dir + "/"}
		chip.name = cleanName(c.text(chip.folder + "name"))
		if chip.label = deviceName(chip.folder + "device"); chip.label == "" {
			chip.label = chip.name
		}
		if chip.label == "" {
			chip.label = dir
		}
		same[chip.label]++
		same[chip.label+"\x00"+chip.name]++
		list = append(list, chip)
	}
	for i, chip := range list {
		switch {
		case same[chip.label] == 1:
		case chip.name != "" && same[chip.label+"\x00"+chip.name] == 1:
			list[i].label += "_" + chip.name
		default:
			list[i].label += "_" + cleanName(filepath.Base(chip.folder))
		}
	}
	return list
}

// deviceName makes "platform_coretemp_0" of …/platform/coretemp.0.
func deviceName(link string) string {
	path, err := filepath.EvalSymlinks(link)
	if err != nil {
		return ""
	}
	return strings.Trim(cleanName(filepath.Base(filepath.Dir(path)))+"_"+cleanName(filepath.Base(path)), "_")
}

func cleanName(s string) string {
	s = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == ':' || c == '_' {
			return c
		}
		return '_'
	}, strings.ToLower(s))
	return strings.Trim(s, "_")
}

// chip reads the sensors of a chip. Drivers of old have them in the folder of
// the device.
func (c *temperatureCheck) chip(out *checks.Output, chip hwmonChip) []temperature {
	if chip.name != "" {
		out.Set(chipName, 1, chip.label, chip.name)
	}
	began := time.Now()
	sensors := map[string]*temperature{}
	for _, folder := range [...]string{chip.folder, chip.folder + "device/"} {
		for _, file := range entries(folder, "") {
			part := hwmonFile.FindStringSubmatch(file)
			if part == nil || c.ignored.MatchString(chip.label+";"+part[1]) || time.Since(began) > slowSensor {
				continue
			}
			c.property(out, chip, sensors, folder+file, part)
		}
	}
	return measured(sensors)
}

// property reads one file of a sensor; part are its name's sensor, kind and
// property.
func (c *temperatureCheck) property(out *checks.Output, chip hwmonChip, sensors map[string]*temperature, path string, part []string) {
	sensor, kind, prop := part[1], part[2], part[3]
	t := sensors[sensor]
	if t == nil {
		t = &temperature{sensor: chip.label + " " + sensor}
		sensors[sensor] = t
	}
	if prop == "label" {
		if label := c.text(path); label != "" {
			out.Set(sensorOf, 1, chip.label, sensor, label)
			t.sensor += " " + label
		}
		return
	}
	family, shown := hwmonFamilies[kind+"_"+prop]
	if !shown {
		return
	}
	raw, ok := c.value(path)
	if !ok {
		return // a sensor that is not there, or broken
	}
	out.Set(family.desc, raw*family.unit, chip.label, sensor)
	if kind == "temp" {
		t.note(prop, raw)
	}
}

// note keeps what the findings need. Zero is what drivers say that know no
// limit.
func (t *temperature) note(prop string, raw float64) {
	switch prop {
	case "input":
		t.celsius, t.measured = raw/1000, true
	case "crit":
		t.limit, t.limited = raw/1000, raw > 0
	case "crit_alarm":
		t.alarmed = raw == 1
	case "fault":
		t.broken = raw == 1
	}
}

func measured(sensors map[string]*temperature) (list []temperature) {
	for _, t := range sensors {
		if t.measured && !t.broken {
			list = append(list, *t)
		}
	}
	slices.SortFunc(list, func(a, b temperature) int { return strings.Compare(a.sensor, b.sensor) })
	return list
}
