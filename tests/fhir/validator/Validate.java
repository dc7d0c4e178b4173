import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.UnknownCodeSystemWarningValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

/** Validates resources, one a line on stdin, by the base profiles of R4; prints each finding as tabs: line, severity,
 *  place, words. A code system that is not among R4's own is a warning. */
public class Validate {
  public static void main(String[] arguments) throws Exception {
    var context = FhirContext.forR4();
    var unknown = new UnknownCodeSystemWarningValidationSupport(context);
    unknown.setNonExistentCodeSystemSeverity(ca.uhn.fhir.context.support.IValidationSupport.IssueSeverity.WARNING);
    var support = new ValidationSupportChain(
        new DefaultProfileValidationSupport(context), new CommonCodeSystemsTerminologyService(context),
        new InMemoryTerminologyServerValidationSupport(context), unknown);
    var module = new FhirInstanceValidator(support);
    module.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
    FhirValidator validator = context.newValidator().registerValidatorModule(module);
    var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    int number = 0;
    for (String line; (line = lines.readLine()) != null; number++) {
      for (SingleValidationMessage one : validator.validateWithResult(line).getMessages()) {
        if (one.getSeverity().ordinal() >= ResultSeverityEnum.WARNING.ordinal()) {
          String words = one.getMessage().replaceAll("[\\t\\r\\n]+", " ");
          System.out.println(number + "\t" + one.getSeverity().getCode() + "\t" + one.getLocationString() + "\t" + words);
        }
      }
    }
    System.out.println(number + "\tdone\t\t");
  }
}
