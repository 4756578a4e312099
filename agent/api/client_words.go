package api

import "fmt"

// commandWord is the last part of the path of a command.
func commandWord(cmd any) (string, error) {
	switch cmd.(type) {
	case Acknowledge:
		return "acknowledge", nil
	case Comment:
		return "comment", nil
	case Assign:
		return "assign", nil
	case SetLevel:
		return "level", nil
	case SetStep:
		return "step", nil
	case Resolve:
		return "resolve", nil
	case Reopen:
		return "reopen", nil
	case FalseAlarm:
		return "false-alarm", nil
	}
	return responseWord(cmd)
}

func responseWord(cmd any) (string, error) {
	switch cmd.(type) {
	case AddReport:
		return "report", nil
	case SetTriage:
		return "triage", nil
	case SetEstimate:
		return "estimate", nil
	case ChooseBranch:
		return "branch", nil
	case SetDuty:
		return "duty", nil
	case Analyse:
		return "analyse", nil
	case Promote:
		return "promote", nil
	case Dismiss:
		return "dismiss", nil
	case AddEntry:
		return "entry", nil
	case CompleteEntry:
		return "entry-done", nil
	case Investigate:
		return "investigation", nil
	case AddLesson:
		return "lesson", nil
	case CompleteLesson:
		return "lesson-done", nil
	case Close:
		return "close", nil
	}
	return "", fmt.Errorf("command on an incident: no such command %T", cmd)
}
