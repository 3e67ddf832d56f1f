/// The samplers, under their names in sweep files and on the command line.
package enum SamplerKind: String, CaseIterable, Sendable {
    case ddim
    case euler
    case dpmPlusPlus2M = "dpm++2m"
    /// Of rectified flows alone.
    case heun

    /// Those that go along a noise schedule.
    package static let ofNoise: [SamplerKind] = [.ddim, .euler, .dpmPlusPlus2M]

    /// - Precondition: one of `ofNoise`; between 1 step and as many as the schedule has timesteps.
    package func sampler(_ schedule: NoiseSchedule, steps: Int) -> any Sampler {
        switch self {
        case .ddim: DDIMSampler(schedule: schedule, steps: steps)
        case .heun: preconditionFailure("heun goes along a flow")
        case .euler: EulerSampler(schedule: schedule, steps: steps)
        case .dpmPlusPlus2M: DPMSolverSampler(schedule: schedule, steps: steps)
        }
    }

    /// The sampler of a flow; nil for one that a straight line has no use for. DDIM on a straight line is
    /// Euler.
    package func sampler(levels: [Float], timestepCount: Int) -> (any Sampler)? {
        switch self {
        case .ddim, .euler: FlowEulerSampler(levels: levels, timestepCount: timestepCount)
        case .heun: FlowHeunSampler(levels: levels, timestepCount: timestepCount)
        case .dpmPlusPlus2M: nil
        }
    }
}
