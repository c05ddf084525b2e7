package slipway

// DeliveryState is how a message to a webhook stands.
type DeliveryState string

const (
	DeliveryPending   DeliveryState = "pending"   // not taken yet; attempts go on
	DeliverySucceeded DeliveryState = "succeeded" // the receiver answered with success
	DeliveryFailed    DeliveryState = "failed"    // given up
)

// DeliveryStates lists them all, for enums.
var DeliveryStates = []DeliveryState{DeliveryPending, DeliverySucceeded, DeliveryFailed}
