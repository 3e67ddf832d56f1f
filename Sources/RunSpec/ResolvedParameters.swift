/// The parameters of one job with every default filled in and everything its algorithm ignores left out: what
/// decides the result, and so the job's identity.
package struct ResolvedParameters: Equatable, Sendable {
    package struct Dropped: Equatable, Sendable {
        package let name: String
        /// "full trains whole weights and has no dim".
        package let reason: String
    }

    /// Without `seed`, which stands beside the parameters.
    package let parameters: [String: ParameterValue]
    /// What was given but has no effect; worth a warning.
    package let dropped: [Dropped]
}
