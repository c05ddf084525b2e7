package workflows

import (
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

func converterDecode(payload *commonpb.Payload, into any) error {
	return converter.GetDefaultDataConverter().FromPayload(payload, into)
}
