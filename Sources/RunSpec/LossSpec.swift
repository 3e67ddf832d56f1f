/// What a step's answers are held against, and how much each counts.
package struct LossSpec: Codable, Equatable, Sendable {
    /// "epsilon" or "v_prediction"; nil: what the base says.
    package var predictionType: String?
    /// The noise schedule is rescaled to end in pure noise.
    package var zeroTerminalSNR: Bool
    /// nil for no weighting.
    package var minSNRGamma: Double?
    /// Weight of regularisation images.
    package var priorLossWeight: Double
    /// Size of the noise that is constant over an image's plane; 0 for none.
    package var noiseOffset: Double
    /// Of a flow: how its levels are drawn, shifted and weighted; nil for the usual way.
    package var timestepSampling: String?
    package var logitMean: Double?
    package var logitDeviation: Double?
    package var flowShift: Double?
    package var flowWeighting: String?

    init(_ read: ParameterReader) {
        predictionType = read.optionalText("prediction_type")
        zeroTerminalSNR = read.flag("zero_terminal_snr")
        minSNRGamma = read.optionalNumber("min_snr_gamma").flatMap { $0 > 0 ? $0 : nil }
        priorLossWeight = read.number("prior_loss_weight")
        noiseOffset = read.number("noise_offset")
        timestepSampling = read.optionalText("timestep_sampling")
        logitMean = read.optionalNumber("logit_mean")
        logitDeviation = read.optionalNumber("logit_std")
        flowShift = read.optionalNumber("flow_shift")
        flowWeighting = read.optionalText("flow_weighting")
    }
}
