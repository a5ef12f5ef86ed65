// Karpenter with its KWOK provider, in a market that may be sold out: what it launches are nodes without a machine, and of the instance types
// that a file names it launches none, as a cloud does that has no more of them.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	kwok "sigs.k8s.io/karpenter/kwok/cloudprovider"
	v1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/cloudprovider/overlay"
	"sigs.k8s.io/karpenter/pkg/controllers"
	"sigs.k8s.io/karpenter/pkg/controllers/state"
	"sigs.k8s.io/karpenter/pkg/operator"
)

// soldOutFile is the environment variable that names a file with a JSON list of instance types, read at each launch.
const soldOutFile = "SOLD_OUT_FILE"

// market is a cloud that may have no more of some instance types.
type market struct {
	cloudprovider.CloudProvider
}

// Create launches a node of the types that are still to be had.
func (m market) Create(ctx context.Context, claim *v1.NodeClaim) (*v1.NodeClaim, error) {
	gone, err := soldOut()
	if err != nil {
		return nil, err
	}
	left := claim.DeepCopy()
	for i, requirement := range left.Spec.Requirements {
		if requirement.Key != corev1.LabelInstanceTypeStable {
			continue
		}
		asked := requirement.Values
		left.Spec.Requirements[i].Values = slices.DeleteFunc(slices.Clone(asked), func(name string) bool { return slices.Contains(gone, name) })
		if len(left.Spec.Requirements[i].Values) == 0 {
			return nil, cloudprovider.NewInsufficientCapacityError(fmt.Errorf("no instance of %s is to be had", strings.Join(asked, ", ")))
		}
	}
	return m.CloudProvider.Create(ctx, left)
}

func soldOut() ([]string, error) {
	path := os.Getenv(soldOutFile)
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading what is sold out, %w", err)
	}
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return nil, fmt.Errorf("reading what is sold out, %w", err)
	}
	return names, nil
}

func main() {
	ctx, op := operator.NewOperator()
	instanceTypes, err := kwok.ConstructInstanceTypes(ctx)
	if err != nil {
		log.FromContext(ctx).Error(err, "failed constructing instance types")
		os.Exit(1)
	}
	undecorated := market{kwok.NewCloudProvider(ctx, op.GetClient(), instanceTypes)}
	decorated := overlay.Decorate(undecorated, op.GetClient(), op.InstanceTypeStore)
	cluster := state.NewCluster(op.Clock, op.GetClient(), decorated)
	op.WithControllers(ctx, controllers.NewControllers(
		ctx, op.Manager, op.Clock, op.GetClient(), op.EventRecorder, decorated, undecorated, cluster, op.InstanceTypeStore,
	)...).Start(ctx)
}
