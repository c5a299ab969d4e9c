package trendy.dev;

import java.io.IOException;
import java.io.StringReader;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.ko.KoreanAnalyzer;
import org.apache.lucene.analysis.ko.KoreanNumberFilter;
import org.apache.lucene.analysis.ko.KoreanPartOfSpeechStopFilter;
import org.apache.lucene.analysis.ko.KoreanReadingFormFilter;
import org.apache.lucene.analysis.ko.KoreanTokenizer;
import org.apache.lucene.analysis.ko.KoreanTokenizer.DecompoundMode;
import org.apache.lucene.analysis.ko.POS;
import org.apache.lucene.analysis.ko.dict.UserDictionary;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.index.IndexSettings;
import org.elasticsearch.index.analysis.AbstractIndexAnalyzerProvider;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;

/**
 * Lucene's Korean analysis with the option names and defaults of the official plugin, so that one index template means
 * the same on both. Dictionaries come from {@code user_dictionary_rules} only: a dictionary file would have to be
 * placed on every server, which no template of ours asks for.
 */
final class Nori {
  private Nori() {}

  static TokenizerFactory tokenizer(IndexSettings index, Environment env, String name, Settings options)
      throws IOException {
    UserDictionary dictionary = dictionary(options);
    DecompoundMode mode = decompoundMode(options);
    boolean discardPunctuation = options.getAsBoolean("discard_punctuation", true);
    return new TokenizerFactory() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public Tokenizer create() {
        return new KoreanTokenizer(
            TokenStream.DEFAULT_TOKEN_ATTRIBUTE_FACTORY, dictionary, mode, false, discardPunctuation);
      }
    };
  }

  static TokenFilterFactory partOfSpeechFilter(IndexSettings index, Environment env, String name, Settings options) {
    Set<POS.Tag> stopTags = stopTags(options);
    return filter(name, input -> new KoreanPartOfSpeechStopFilter(input, stopTags));
  }

  static TokenFilterFactory readingFormFilter(IndexSettings index, Environment env, String name, Settings options) {
    return filter(name, KoreanReadingFormFilter::new);
  }

  static TokenFilterFactory numberFilter(IndexSettings index, Environment env, String name, Settings options) {
    return filter(name, KoreanNumberFilter::new);
  }

  static AnalyzerProvider<? extends Analyzer> analyzer(
      IndexSettings index, Environment env, String name, Settings options) throws IOException {
    KoreanAnalyzer analyzer =
        new KoreanAnalyzer(dictionary(options), decompoundMode(options), stopTags(options), false);
    return new AbstractIndexAnalyzerProvider<KoreanAnalyzer>(name, options) {
      @Override
      public KoreanAnalyzer get() {
        return analyzer;
      }
    };
  }

  private static TokenFilterFactory filter(String name, UnaryOperator<TokenStream> wrap) {
    return new TokenFilterFactory() {
      @Override
      public String name() {
        return name;
      }

      @Override
      public TokenStream create(TokenStream input) {
        return wrap.apply(input);
      }
    };
  }

  private static UserDictionary dictionary(Settings options) throws IOException {
    if (options.hasValue("user_dictionary")) {
      throw new IllegalArgumentException("the development plugin reads [user_dictionary_rules], not [user_dictionary]");
    }
    List<String> rules = options.getAsList("user_dictionary_rules");
    return rules.isEmpty() ? null : UserDictionary.open(new StringReader(String.join("\n", rules)));
  }

  private static DecompoundMode decompoundMode(Settings options) {
    String mode = options.get("decompound_mode", KoreanTokenizer.DEFAULT_DECOMPOUND.toString());
    return DecompoundMode.valueOf(mode.toUpperCase(Locale.ROOT));
  }

  private static Set<POS.Tag> stopTags(Settings options) {
    List<String> tags = options.getAsList("stoptags", null);
    if (tags == null) {
      return KoreanPartOfSpeechStopFilter.DEFAULT_STOP_TAGS;
    }
    return tags.stream().map(POS::resolveTag).collect(Collectors.toSet());
  }
}
