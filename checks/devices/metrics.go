package devices

import "xunjian/checks"

// metric is what a kind of reading becomes.
type metric struct {
	desc *checks.Desc
	// state: the value is 1 where the component is in order and 0 where not, and
	// a component that is not in order is a finding.
	state bool
	// single: there is one of it in a device, and no component is named.
	single bool
}

func component(name, help string) metric {
	return metric{desc: checks.NewDesc(name, checks.Gauge, help, "device", "system", "component")}
}

func state(name, help string) metric {
	m := component(name, help)
	m.state = true
	return m
}

func one(name, help string) metric {
	return metric{desc: checks.NewDesc(name, checks.Gauge, help, "device", "system"), single: true}
}

// metricOf are the kinds of readings that a profile can have. Figures of
// components have names of our own, since every make has another MIB for them;
// those of UPS-MIB and of the interfaces have the names of their MIBs, as
// snmp_exporter writes them.
var metricOf = map[string]metric{
	"cpu":            component("xunjian_device_cpu_usage_ratio", "Use of a processor of the device, 0 to 1."),
	"memory":         component("xunjian_device_memory_usage_ratio", "Use of a memory of the device, 0 to 1."),
	"temperature":    component("xunjian_device_temperature_celsius", "Temperature at a sensor of the device."),
	"power":          state("xunjian_device_power_supply_ok", "Whether a power supply of the device is in order."),
	"fan":            state("xunjian_device_fan_ok", "Whether a fan of the device is in order."),
	"health":         state("xunjian_device_part_ok", "Whether a part of the device is in order."),
	"ups_battery":    {desc: checks.NewDesc("xunjian_device_ups_battery_ok", checks.Gauge, "Whether the battery of the UPS is in order.", "device", "system"), state: true, single: true},
	"ups_output":     {desc: checks.NewDesc("xunjian_device_ups_mains_ok", checks.Gauge, "Whether the UPS feeds its output from the mains.", "device", "system"), state: true, single: true},
	"ups_on_battery": one("upsSecondsOnBattery", "How long the UPS has been on battery, in seconds; 0: it is not - 1.3.6.1.2.1.33.1.2.2"),
	"ups_remaining":  one("xunjian_device_ups_remaining_seconds", "How long the battery of the UPS will last at the present load."),
	"ups_charge":     one("xunjian_device_ups_charge_ratio", "Charge of the battery of the UPS, 0 to 1."),
	"ups_load":       component("xunjian_device_ups_load_ratio", "Load of a line of the UPS, 0 to 1 of what it is made for."),
	"ups_alarms":     one("upsAlarmsPresent", "The present number of active alarm conditions - 1.3.6.1.2.1.33.1.6.1"),
}

var (
	descUp = checks.NewDesc("xunjian_device_up", checks.Gauge, "Whether the device answers by SNMP.", "device", "system")
	// sysUpTime in hundredths of a second, as snmp_exporter has it.
	descUptime = checks.NewDesc("sysUpTime", checks.Gauge, "The time (in hundredths of a second) since the network management portion of the system was last re-initialized. - 1.3.6.1.2.1.1.3", "device", "system")
	descInfo   = checks.NewDesc("xunjian_device_info", checks.Gauge, "What the device says it is; the value is 1.", "device", "system", "profile", "name", "description")
	descTraps  = checks.NewDesc("xunjian_device_traps_total", checks.Counter, "Traps taken in, by the address that they came from.", "device", "source", "event")
	descUnkept = checks.NewDesc("xunjian_device_traps_dropped_total", checks.Counter, "Traps that were believed but could not be kept: the disk took none and memory was full.")
	descRefuse = checks.NewDesc("xunjian_device_traps_refused_total", checks.Counter, "Traps that were not believed or not understood.", "reason")
)

// column is one of the interface tables.
type column struct {
	oid  string
	desc *checks.Desc
}

func ifMetric(name string, kind checks.Kind, help string) *checks.Desc {
	return checks.NewDesc(name, kind, help, "device", "system", "ifIndex", "ifName", "ifAlias", "ifDescr")
}

// The columns of IF-MIB that become figures.
var (
	ifColumns = []column{
		{"1.3.6.1.2.1.2.2.1.7", ifMetric("ifAdminStatus", checks.Gauge, "The desired state of the interface: 1 up, 2 down, 3 testing - 1.3.6.1.2.1.2.2.1.7")},
		{"1.3.6.1.2.1.2.2.1.8", ifMetric("ifOperStatus", checks.Gauge, "The current operational state of the interface: 1 up, 2 down, 3 testing, 4 unknown, 5 dormant, 6 not present, 7 lower layer down - 1.3.6.1.2.1.2.2.1.8")},
		{"1.3.6.1.2.1.2.2.1.13", ifMetric("ifInDiscards", checks.Counter, "The number of inbound packets which were discarded although they had no errors - 1.3.6.1.2.1.2.2.1.13")},
		{"1.3.6.1.2.1.2.2.1.14", ifMetric("ifInErrors", checks.Counter, "The number of inbound packets with errors - 1.3.6.1.2.1.2.2.1.14")},
		{"1.3.6.1.2.1.2.2.1.19", ifMetric("ifOutDiscards", checks.Counter, "The number of outbound packets which were discarded although they had no errors - 1.3.6.1.2.1.2.2.1.19")},
		{"1.3.6.1.2.1.2.2.1.20", ifMetric("ifOutErrors", checks.Counter, "The number of outbound packets that could not be sent because of errors - 1.3.6.1.2.1.2.2.1.20")},
		{"1.3.6.1.2.1.31.1.1.1.6", ifMetric("ifHCInOctets", checks.Counter, "The total number of octets received on the interface - 1.3.6.1.2.1.31.1.1.1.6")},
		{"1.3.6.1.2.1.31.1.1.1.10", ifMetric("ifHCOutOctets", checks.Counter, "The total number of octets sent out of the interface - 1.3.6.1.2.1.31.1.1.1.10")},
		{"1.3.6.1.2.1.31.1.1.1.15", ifMetric("ifHighSpeed", checks.Gauge, "The speed of the interface in units of 1,000,000 bits per second - 1.3.6.1.2.1.31.1.1.1.15")},
	}
	// Devices without 64-bit counters have these instead.
	ifOldIn  = column{"1.3.6.1.2.1.2.2.1.10", ifMetric("ifInOctets", checks.Counter, "The total number of octets received on the interface - 1.3.6.1.2.1.2.2.1.10")}
	ifOldOut = column{"1.3.6.1.2.1.2.2.1.16", ifMetric("ifOutOctets", checks.Counter, "The total number of octets sent out of the interface - 1.3.6.1.2.1.2.2.1.16")}
)

const (
	oidObjectID = "1.3.6.1.2.1.1.2.0"
	oidUptime   = "1.3.6.1.2.1.1.3.0"
	oidName     = "1.3.6.1.2.1.1.5.0"
	oidDescr    = "1.3.6.1.2.1.1.1.0"
	oidIfDescr  = "1.3.6.1.2.1.2.2.1.2"
	oidIfName   = "1.3.6.1.2.1.31.1.1.1.1"
	oidIfAlias  = "1.3.6.1.2.1.31.1.1.1.18"
	oidIfHCIn   = "1.3.6.1.2.1.31.1.1.1.6"
	oidIfOper   = "1.3.6.1.2.1.2.2.1.8"
	oidIfAdmin  = "1.3.6.1.2.1.2.2.1.7"
)
