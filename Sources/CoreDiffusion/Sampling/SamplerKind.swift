/// The samplers, under their names in sweep files and on the command line.
package enum SamplerKind: String, CaseIterable, Sendable {
    case ddim
    case euler
    case dpmPlusPlus2M = "dpm++2m"

    /// - Precondition: between 1 step and as many as the schedule has timesteps.
    package func sampler(_ schedule: NoiseSchedule, steps: Int) -> any Sampler {
        switch self {
        case .ddim: DDIMSampler(schedule: schedule, steps: steps)
        case .euler: EulerSampler(schedule: schedule, steps: steps)
        case .dpmPlusPlus2M: DPMSolverSampler(schedule: schedule, steps: steps)
        }
    }
}
