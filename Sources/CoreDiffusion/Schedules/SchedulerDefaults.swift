/// What diffusers' scheduler classes take where a file leaves a key out (read off diffusers 0.42's
/// constructors).
///
/// Which timesteps are visited is the sampler's matter, and the remaining defaults are alike in all classes:
/// 1000 timesteps, no offset, the noise is predicted, no rescaling, no thresholding.
struct SchedulerDefaults: Equatable {
    var betaStart = 0.0001
    var betaEnd = 0.02
    var betas = NoiseSchedule.Betas.linear
    var clipSample = false
    var setAlphaToOne = true

    /// - Parameter name: nil for a file that names no class.
    /// - Throws: `DiffusionError` for a class whose noise is not DDPM's, or that nobody knows.
    init(className name: String?, path: String) throws {
        switch name {
        case nil: break
        case "DDIMScheduler", "DDIMParallelScheduler", "DDIMInverseScheduler", "DDPMScheduler", "DDPMParallelScheduler",
            "RePaintScheduler":
            clipSample = true
        case "PNDMScheduler": setAlphaToOne = false
        case "LCMScheduler", "TCDScheduler":
            (betaStart, betaEnd, betas) = (0.00085, 0.012, .scaledLinear)
        case "CogVideoXDDIMScheduler", "CogVideoXDPMScheduler":
            (betaStart, betaEnd, betas, clipSample) = (0.00085, 0.012, .scaledLinear, true)
        case "HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler",
            "DPMSolverSDEScheduler":
            (betaStart, betaEnd) = (0.00085, 0.012)
        case "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "LMSDiscreteScheduler",
            "DPMSolverMultistepScheduler", "DPMSolverMultistepInverseScheduler", "DPMSolverSinglestepScheduler",
            "DEISMultistepScheduler", "UniPCMultistepScheduler", "SASolverScheduler":
            break
        case let other?:
            throw DiffusionError(
                code: .unsupportedConfiguration,
                message:
                    "\(path): _class_name = \"\(other)\" is not supported: its noise is not that of DDPM, or nobody "
                    + "here knows it; name a class such as DDIMScheduler, PNDMScheduler or EulerDiscreteScheduler")
        }
    }
}
