package platform

import "slices"

// The doors: what people use a probe's target for.
const (
	DoorPage       = "page"
	DoorLogin      = "login"
	DoorUpload     = "upload"
	DoorOpening    = "opening"
	DoorEvaluation = "evaluation"
	DoorCA         = "ca"
	DoorOther      = "other"
)

// Doors are all of them.
func Doors() []string {
	return []string{DoorPage, DoorLogin, DoorUpload, DoorOpening, DoorEvaluation, DoorCA, DoorOther}
}

// Scenarios are those of the plan that the default rules open when a door is
// shut, the first as an incident, others as warnings. A configuration is held
// against the plan in force by them.
func Scenarios(door string) []string {
	switch door {
	case DoorUpload:
		return []string{"bid-submission"}
	case DoorOpening:
		return []string{"opening-hall"}
	case DoorEvaluation:
		return []string{"evaluation-interrupted"}
	case DoorCA:
		return []string{"bidder-decryption", "tenderer-decryption"}
	}
	return []string{"software-failure"}
}

// known reports whether there is such a door.
func known(door string) bool { return slices.Contains(Doors(), door) }
