/// What `groupNorm` applies to its result.
package enum Activation: Sendable { case none, silu }
